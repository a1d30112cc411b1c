# shellcheck shell=bash
# The native lab: every part is a process on loopback, supervised by runit (runsvdir, below .lab). The program `lab` (crates/lab) reads the
# lab file, writes the services, and finds and ends processes. This starts what it says.
# To be sourced after lib.sh.

services=$lab/service
services_new=$lab/service.new
libexec=$lab/libexec           # the daemons that the last `up` built
declare -A built               # the executable of each package that was built

sv() { "$programs/sv" "$@"; }

supervised() { [ -x "$programs/sv" ] && sv status "$services/$1" >/dev/null 2>&1; }

lab_program() { "$programs/lab" --home "$lab" --config "$LAB_CONFIG" "$@"; }

# build PACKAGE...: build these packages in one go, because cargo may choose other features for each alone. Cargo says where the
# executables are.
build() {
  have cargo || die "cannot build the daemons: cargo is not on PATH" "install a Rust toolchain: https://rustup.rs"
  local name packages=() profile=${LAB_PROFILE:-release} messages=$lab/log/build.json target=
  for name; do packages+=(-p "$name"); done
  mkdir -p "$lab/log"
  attended in_root cargo build --profile "$profile" --locked --message-format=json-render-diagnostics "${packages[@]}" >"$messages" ||
    die "building the daemons failed"
  for name; do
    built[$name]=$(sed -n 's/.*"name":"'"$name"'".*"executable":"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$messages" | tail -n 1 | sed 's/\\\(.\)/\1/g')
    [ -z "${built[$name]}" ] || continue
    # This cargo does not print messages.
    [ -n "$target" ] || target=$(in_root cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    built[$name]=$target/${profile/#dev/debug}/$name
  done
  install_program "${built[lab]:-}" "$programs/lab"
}

# install_program FROM TO: replaced in one step, and only if it differs.
install_program() {
  [ -x "$1" ] && ! cmp -s "$1" "$2" || return 0
  mkdir -p "$(dirname "$2")"
  cp "$1" "$2.new"
  mv -f "$2.new" "$2"
}

# write_files: this lab's configuration and services. Sets `parts`, each part after the parts that it depends on.
write_files() {
  local proxies name names variables=()
  proxies=$("$libexec/scenariod" proxies --config "$LAB_CONFIG") || exit $?
  printf '%s\n' "$proxies" >"$lab/toxiproxy.json"
  for name in $("$libexec/loadgen" variables); do variables+=(--loadgen-variable "$name"); done
  names=$(lab_program write --root "$root" --programs "$programs" --daemons "$libexec" "${variables[@]}") || exit $?
  mapfile -t parts <<<"$names"
}

# Updates the supervised services: restarts those that changed and keeps the others.
install_services() {
  local change name changes
  changes=$(lab_program changes) || exit $?
  mkdir -p "$services"
  while read -r change name; do
    case $change in
      remove)
        say "removing $name"
        sv -w 15 force-shutdown "$services/$name" >/dev/null 2>&1 || true
        rm -rf "${services:?}/$name" ;;
      add) mv "$services_new/$name" "$services/$name" ;;
      restart)
        cp "$services_new/$name"/{run,check,address,stamp} "$services/$name/"
        cp "$services_new/$name/log/run" "$services/$name/log/"
        ! supervised "$name" || { say "restarting $name, which changed"; sv -w 15 try-restart "$services/$name" >/dev/null 2>&1 || true; } ;;
    esac
  done <<<"$changes"
  rm -rf "$services_new"
}

start_supervisor() {
  local running
  running=$(lab_program supervisor) || exit $?
  [ -z "$running" ] || return 0
  # runsvdir searches PATH for runsv. A folder with a colon in its name cannot be in PATH, so PATH names the folder of the services.
  ln -sfn "$programs/runsv" "$services/runsv"
  # Its own session: the lab outlives the terminal, and Ctrl-C in `up` does not reach it.
  env -u LAB_MEMBER LAB_SUPERVISOR="$lab_id" PATH=.:/usr/bin:/bin setsid "$programs/runsvdir" -P "$services" \
    </dev/null >"$lab/log/runsvdir.log" 2>&1 9>&- &
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
    tail -n 5 "$lab/log/$name/current" "$lab/log/runsvdir.log" >&2 2>/dev/null || true
    die "$name does not answer at $(cat "$dir/address") after 30 s" "\`just logs $name\` shows why"
  done
}

explain_half_up() {
  local code=$?
  [ "$code" = 0 ] || [ ! -f "$lab/env" ] || printf 'hint: only a part of the lab may be up: fix the problem and run `just up` again, or run `just down`\n' >&2
}

native_up() {
  build lab
  lab_program ports   # before everything that takes minutes
  attended "$root/deploy/native/fetch.sh"
  say "building the daemons (${LAB_PROFILE:-release}): if they are not built yet, some minutes, on a small or busy machine up to 15" >&2
  build loadgen scenariod
  "${built[scenariod]}" check "$LAB_CONFIG" >/dev/null && "${built[loadgen]}" check --config "$LAB_CONFIG" >/dev/null || exit $?
  install_program "${built[loadgen]}" "$libexec/loadgen"
  install_program "${built[scenariod]}" "$libexec/scenariod"
  eval "$(lab_program settings)"
  write_files
  trap explain_half_up EXIT
  save_settings
  install_services
  start_supervisor
  wait_until_up
  wait_for_sample "$programs/promtool" query instant "http://$prometheus_address"
  write_commands
  native_status
  [ -d "$services/grafana" ] || say "no Grafana: to use it, put grafana on PATH (https://grafana.com/grafana/download) and run \`just up\` again"
  print_next
}

# native_down: `lab stop` looks for every process of the lab, and fails if one is left.
native_down() {
  [ -x "$programs/lab" ] || [ ! -d "$services" ] || build lab
  [ ! -x "$programs/lab" ] || lab_program stop
}

# shown SERVICE_DIR: its address, as a link if it serves HTTP.
shown() {
  if grep -q ' http ' "$1/check"; then printf http://; fi
  cat "$1/address"
}

# native_status: exit code 0 if every part is up.
native_status() {
  local dir name state pid all=up
  eval "$(lab_program settings)"
  for dir in "$services"/*/; do
    name=$(basename "$dir")
    state=down
    ! "$dir/check" >/dev/null 2>&1 || state=up
    [ $state = up ] || all=down
    pid=$(cat "$dir/supervise/pid" 2>/dev/null) || true
    printf '%-12s %-5s %-28s pid %s\n' "$name" "$state" "$(shown "$dir")" "${pid:--}"
  done
  state=idle
  ! "$root/deploy/native/answers.sh" http "${scenariod_address%:*}" "${scenariod_address##*:}" /health || state=busy
  printf '%-12s %-5s %-28s %s\n' scenariod "$state" "http://$scenariod_address" "(only while a scenario runs)"
  [ $all = up ]
}

# scenariod_journal: the path of the newest run's journal.
scenariod_journal() { find "$lab/state" -name '*.jsonl' -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d ' ' -f 2-; }

native_logs() {
  local follow=() part files=() all journal
  [ "${1:-}" != -f ] || { follow=(-F); shift; }
  mapfile -t all < <(find "$services" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)
  [ $# -gt 0 ] || set -- "${all[@]}"
  for part in "$@"; do
    if [ "$part" = scenariod ]; then
      journal=$(scenariod_journal)
      [ -n "$journal" ] || die "no journal: scenariod has not run in this lab" "\`scenariod run NAME\` runs a scenario in the foreground"
      say "scenariod prints its output where it runs; this is the journal of its newest run:" >&2
      files+=("$journal")
      continue
    fi
    [ -e "$services/$part/run" ] || die_code=2 die "unknown part '$part'" "use one of: ${all[*]} scenariod"
    files+=("$lab/log/$part/current")
  done
  exec tail -n 100 "${follow[@]}" "${files[@]}"
}
