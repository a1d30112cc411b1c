# shellcheck shell=bash
# The native lab: every part is a process on loopback, supervised by runit. The program `lab` (crates/lab) reads the lab file, writes the
# services, starts and stops them. This builds it and the daemons.
# To be sourced after lib.sh.

services=$lab/service
libexec=$lab/libexec           # the daemons that the last `up` built
declare -A built               # the executable of each package that was built

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
  lab_program start --programs "$programs" "${parts[@]}"
  wait_for_sample "$programs/promtool" query instant "http://$prometheus_address"
  write_commands
  native_status
  [ -d "$services/grafana" ] || say "no Grafana: to use it, put grafana on PATH (https://grafana.com/grafana/download) and run \`just up\` again"
  print_next "$("$libexec/scenariod" list --propose --config "$LAB_CONFIG")"
}

# native_down: `lab stop` looks for every process of the lab, and fails if one is left.
native_down() {
  [ -x "$programs/lab" ] || [ ! -d "$services" ] || build lab
  [ ! -x "$programs/lab" ] || lab_program stop
}

native_status() { lab_program status --root "$root"; }

native_logs() { exec "$programs/lab" --home "$lab" logs "$@"; }
