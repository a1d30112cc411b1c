# shellcheck shell=bash
# The native lab: every part is a process on loopback, supervised by runit (runsvdir, below .lab).
# To be sourced after lib.sh.

# shellcheck source=native/ports.sh
source "$root/deploy/native/ports.sh"
# shellcheck source=native/services.sh
source "$root/deploy/native/services.sh"

sv() { "$programs/sv" "$@"; }

supervised() { [ -x "$programs/sv" ] && sv status "$services/$1" >/dev/null 2>&1; }

# supervisor: the pid of this lab's runsvdir, if it runs.
supervisor() {
  local pid
  pid=$(cat "$lab/runsvdir.pid" 2>/dev/null) || return 1
  grep -qzxF "LAB_SUPERVISOR=$lab" "/proc/$pid/environ" 2>/dev/null && printf '%s\n' "$pid"
}

# members: the pids of all processes of this lab, supervised or not.
members() {
  local environ
  for environ in /proc/[0-9]*/environ; do
    grep -qzxF "LAB_MEMBER=$lab" "$environ" 2>/dev/null && basename "$(dirname "$environ")"
  done
  return 0
}

# build_daemons: build both daemons at once. Cargo would build each alone with other features, and so a second time.
# Sets $built, the folder with the programs.
build_daemons() {
  have cargo || die "cannot build the daemons: cargo is not on PATH" "install a Rust toolchain: https://rustup.rs"
  local profile=${LAB_PROFILE:-release}
  built=$(cd "$root" && cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/${profile/#dev/debug}
  [ -x "$built/loadgen" ] && [ -x "$built/scenariod" ] ||
    say "building the daemons ($profile): some minutes, on a small or busy machine up to 15" >&2
  attended in_root cargo build --profile "$profile" --locked -p loadgen -p scenariod || die "building the daemons failed"
}

# check_lab_file: with both daemons, before anything is restarted.
check_lab_file() {
  "$built/scenariod" check "$LAB_CONFIG" >/dev/null && "$built/loadgen" check --config "$LAB_CONFIG" >/dev/null || exit $?
}

install_daemons() {
  local name
  mkdir -p "$libexec"
  for name in loadgen scenariod; do
    cmp -s "$built/$name" "$libexec/$name" && continue
    cp "$built/$name" "$libexec/$name.new"
    mv -f "$libexec/$name.new" "$libexec/$name"
  done
}

addresses() {
  loadgen_address=$(lab_address loadgen metrics_addr)
  scenariod_address=$(lab_address scenariod metrics_addr)
  guard_address=$(lab_address scenariod guard_addr)
  toxiproxy_address=$(lab_address scenariod toxiproxy)
  loadgen_address=$(shifted "${loadgen_address:-127.0.0.1:9090}")
  scenariod_address=$(shifted "${scenariod_address:-127.0.0.1:9092}")
  guard_address=$(shifted "${guard_address:-127.0.0.1:9095}")
  toxiproxy_address=$(shifted "${toxiproxy_address:-127.0.0.1:8474}")
  prometheus_address=$(shifted 127.0.0.1:9091)
  grafana_address=$(shifted 127.0.0.1:3000)
}

# put FILE < CONTENT: replace the file at once if it differs, so that a reader never sees half of it.
put() {
  mkdir -p "$(dirname "$1")"
  cat >"$1.new"
  if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv -f "$1.new" "$1"; fi
}

# Writes the configuration with the addresses of this lab.
write_configuration() {
  local file proxies
  proxies=$("$libexec/scenariod" proxies --config "$LAB_CONFIG") || exit $?
  put "$lab/toxiproxy.json" <<<"$proxies"
  put "$lab/prometheus/prometheus.yml" <"$root/prometheus/prometheus.yml"
  for file in "$root"/prometheus/rules/*.yml; do put "$lab/prometheus/rules/$(basename "$file")" <"$file"; done
  for file in "$lab"/prometheus/rules/*.yml; do [ -e "$root/prometheus/rules/$(basename "$file")" ] || rm "$file"; done
  for file in "$root"/prometheus/targets/native/*.yml; do
    sed -e "s/127\.0\.0\.1:9090/$loadgen_address/" -e "s/127\.0\.0\.1:9092/$scenariod_address/" -e "s/127\.0\.0\.1:9095/$guard_address/" \
      -e "s/127\.0\.0\.1:8474/${toxiproxy_address#http:\/\/}/" "$file" |
      put "$lab/prometheus/targets/$(basename "$file")"
  done
}

# known_addresses: NAME ADDRESS of each part, as far as the shell can read the lab file without a daemon.
known_addresses() {
  printf '%s %s\n' loadgen "$(lab_address loadgen metrics_addr)" guard "$(lab_address scenariod guard_addr)" \
    scenariod "$(lab_address scenariod metrics_addr)" toxiproxy "$(lab_address scenariod toxiproxy)" prometheus 127.0.0.1:9091
  sed -n 's/^ *- *{ *name: *\([^, }]*\), *listen: *\([^, }]*\),.*upstream: *\([^, }]*\).*/\1\t\3\na proxy of toxiproxy\t\2/p' "$LAB_CONFIG"
}

# check_known_ports: find ports in use before fetching and building, which takes minutes. `check_ports` finds all of them.
check_known_ports() {
  local line port
  ! supervisor >/dev/null || return 0
  while read -r line; do
    port=${line##*:}
    [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || require_free "$((port + LAB_PORT_OFFSET))" "${line%[[:blank:]]*}"
  done < <(known_addresses)
  refuse_taken
}

check_ports() {
  local dir name listen
  for dir in "$services_new"/*/; do
    name=$(basename "$dir")
    supervised "$name" || require_free "$(sed 's/.*://' "$dir/address")" "$name"
  done
  supervised toxiproxy || while read -r listen; do
    require_free "${listen##*:}" "a proxy of toxiproxy"
  done < <(sed -n 's/.*"listen": *"\([^"]*\)".*/\1/p' "$lab/toxiproxy.json")
  [ "$running" = yes ] || require_free "${scenariod_address##*:}" scenariod
  refuse_taken
}

# Updates the supervised services: restarts those that changed and keeps the others.
install_services() {
  local dir name
  mkdir -p "$services"
  for dir in "$services"/*/; do
    name=$(basename "$dir")
    [ -d "$dir" ] && [ ! -d "$services_new/$name" ] || continue
    say "removing $name"
    sv -w 15 force-shutdown "$dir" >/dev/null 2>&1 || true
    rm -rf "$dir"
  done
  for dir in "$services_new"/*/; do
    name=$(basename "$dir")
    if [ ! -d "$services/$name" ]; then
      mv "$dir" "$services/$name"
    elif ! cmp -s "$dir/stamp" "$services/$name/stamp"; then
      cp "$dir/run" "$dir/check" "$dir/address" "$dir/stamp" "$services/$name/"
      if supervised "$name"; then
        say "restarting $name, which changed"
        sv -w 15 try-restart "$services/$name" >/dev/null 2>&1 || true
      fi
    fi
  done
  rm -rf "$services_new"
}

start_supervisor() {
  supervisor >/dev/null && return
  # Its own session: the lab outlives the terminal, and Ctrl-C in `up` does not reach it.
  env -u LAB_MEMBER LAB_SUPERVISOR="$lab" PATH="$programs:$PATH" setsid "$programs/runsvdir" -P "$services" \
    </dev/null >"$lab/log/runsvdir.log" 2>&1 9>&- &
  printf '%s\n' "$!" >"$lab/runsvdir.pid"
}

wait_until_up() {
  local dir name deadline
  for name in "${parts[@]}"; do
    dir=$services/$name
    printf 'waiting for %-12s %-28s ' "$name" "$(shown "$dir")"
    deadline=$((SECONDS + 30))
    until "$dir/check" 2>/dev/null || [ $SECONDS -ge $deadline ]; do sleep 0.2; done
    [ $SECONDS -ge $deadline ] || { say "up"; continue; }
    say "no answer"
    tail -n 5 "$lab/log/$name/current" >&2 2>/dev/null || true
    die "$name does not answer at $(cat "$dir/address") after 30 s" "\`just logs $name\` shows why"
  done
}

explain_half_up() {
  local code=$?
  [ "$code" = 0 ] || [ ! -f "$lab/env" ] || printf 'hint: only a part of the lab may be up: fix the problem and run `just up` again, or run `just down`\n' >&2
}

native_up() {
  check_known_ports
  attended "$root/deploy/native/fetch.sh"
  build_daemons
  check_lab_file
  install_daemons
  addresses
  write_configuration
  write_services
  check_ports
  trap explain_half_up EXIT
  save_settings
  install_services
  start_supervisor
  wait_until_up
  wait_for_sample "$programs/promtool" query instant "http://$prometheus_address"
  write_commands
  native_status
  have grafana || have grafana-server || say "no Grafana: to use it, put grafana on PATH (https://grafana.com/grafana/download) and run \`just up\` again"
  print_next
}

# end PID...: SIGTERM, then SIGKILL after 15 s.
end() {
  local pid tries=0
  [ $# -gt 0 ] || return 0
  kill -TERM "$@" 2>/dev/null || true
  while :; do
    for pid in "$@"; do
      [ ! -e "/proc/$pid" ] || grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status" || break
      shift
    done
    [ $# -gt 0 ] || return 0
    tries=$((tries + 1))
    [ $tries -lt 150 ] || { kill -KILL "$@" 2>/dev/null || true; return 0; }
    sleep 0.1
  done
}

native_down() {
  local pid dir runs=() supervised_pids
  # First the scenario, so that it can remove its toxics while Toxiproxy still runs.
  # There may be no service: an interrupted `up` has not created them.
  supervised_pids=$(for dir in "$services"/*/; do cat "$dir/supervise/pid" 2>/dev/null && echo; done || true)
  for pid in $(members); do grep -qxF "$pid" <<<"$supervised_pids" || runs+=("$pid"); done
  [ ${#runs[@]} = 0 ] || say "stopping the lab's other processes (pid ${runs[*]})"
  end "${runs[@]}"
  if pid=$(supervisor); then end "$pid"; fi
  for dir in "$services"/*/; do
    supervised "$(basename "$dir")" && sv -w 15 force-shutdown "$dir" >/dev/null 2>&1 &
  done
  wait
  mapfile -t runs < <(members)
  end "${runs[@]}"
  rm -rf "$services" "$services_new" "$lab/runsvdir.pid"
}

# shown SERVICE_DIR: its address, as a link if it serves HTTP.
shown() {
  if grep -q ' http ' "$1/check"; then printf http://; fi
  cat "$1/address"
}

# native_status: exit code 0 if every part is up.
native_status() {
  local dir name state pid all=up
  addresses
  for dir in "$services"/*/; do
    name=$(basename "$dir")
    state=down
    ! "$dir/check" >/dev/null 2>&1 || state=up
    [ $state = up ] || all=down
    pid=$(cat "$dir/supervise/pid" 2>/dev/null) || true
    printf '%-12s %-5s %-28s pid %s\n' "$name" "$state" "$(shown "$dir")" "${pid:--}"
  done
  state=idle
  ! "$answers" http "$scenariod_address" /health || state=busy
  printf '%-12s %-5s %-28s %s\n' scenariod "$state" "http://$scenariod_address" "(only while a scenario runs)"
  [ $all = up ]
}

# scenariod_journal: the path of the newest run's journal.
scenariod_journal() { find "$lab/state" -name '*.jsonl' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d ' ' -f 2-; }

native_logs() {
  local follow=() part files=() all journal
  [ "${1:-}" != -f ] || { follow=(-F); shift; }
  mapfile -t all < <(find "$services" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort)
  [ $# -gt 0 ] || set -- "${all[@]}"
  for part in "$@"; do
    if [ "$part" = scenariod ]; then
      journal=$(scenariod_journal)
      [ -n "$journal" ] || die "no journal: scenariod has not run in this lab" "\`scenariod --scenario NAME\` runs a scenario in the foreground"
      say "scenariod prints its output where it runs; this is the journal of its newest run:" >&2
      files+=("$journal")
      continue
    fi
    [ -e "$services/$part/run" ] || die_code=2 die "unknown part '$part'" "use one of: ${all[*]} scenariod"
    files+=("$lab/log/$part/current")
  done
  exec tail -n 100 "${follow[@]}" "${files[@]}"
}
