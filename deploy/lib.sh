# shellcheck shell=bash
# Shared by the lab's scripts: paths, messages, and the settings of a running lab.
# To be sourced; the caller has set `-euo pipefail`.
# shellcheck disable=SC2034 # used by the scripts that source this

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
programs=$root/.lab/bin            # what deploy/native/fetch.sh brings, and the program `lab`
lab=$(realpath -m -- "${LAB_HOME:-$root/.lab}")   # a running lab: its settings, state and logs
export LC_ALL=C

# A search on PATH must find the machine's programs, not the lab's.
PATH=$(printf %s "$PATH" | tr ':' '\n' | grep -vxF -e "$programs" -e "$lab/bin" | paste -sd:)

say() { printf '%s\n' "$@"; }

# die MESSAGE [HINT]
die() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit "${die_code:-4}"
}

# quiet LOG WHAT COMMAND...: run a long command with its output in LOG. If it fails, show the end of the output.
quiet() {
  local log=$1 what=$2; shift 2
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return
  printf '%s\n' "--- the last lines of $log" >&2
  tail -n 8 "$log" >&2
  die "$what failed" "the whole output is in $log"
}

in_root() { cd "$root" && "$@"; }

# attended COMMAND...: run a long command in a process group of its own. A signal to this script stops the whole group at once. Without
# this, the shell would wait for the command first.
attended() {
  local pid code=0
  set -m
  { set +m; "$@"; } &   # what it starts stays in its group
  pid=$!
  set +m
  trap 'end_attended "$pid" 130' INT
  trap 'end_attended "$pid" 143' TERM HUP
  wait "$pid" || code=$?
  trap - INT TERM HUP
  return "$code"
}

# end_attended PID CODE: stop the whole group, first with SIGTERM.
end_attended() {
  local tries=0
  trap '' INT TERM HUP
  kill -TERM -- "-$1" 2>/dev/null || true
  while kill -0 -- "-$1" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 50 ] || { kill -KILL -- "-$1" 2>/dev/null || true; break; }
    sleep 0.1
  done
  exit "$2"
}

have() { command -v "$1" >/dev/null 2>&1; }

# use_settings: the settings of the running lab, else the caller's environment, else the defaults.
use_settings() {
  local asked_offset=${LAB_PORT_OFFSET:-} asked_engine=${LAB_ENGINE:-} asked_config=${LAB_CONFIG:-}
  running=no
  if [ -f "$lab/env" ]; then
    running=yes
    # shellcheck disable=SC1091
    source "$lab/env"
    [ -z "$asked_offset" ] || [ "$asked_offset" = "$LAB_PORT_OFFSET" ] || asked_other="LAB_PORT_OFFSET=$asked_offset"
    [ -z "$asked_engine" ] || [ "$asked_engine" = "$LAB_ENGINE" ] || asked_other="LAB_ENGINE=$asked_engine"
    [ -z "$asked_config" ] || [ "$(realpath -m "$asked_config")" = "$LAB_CONFIG" ] || asked_other="LAB_CONFIG=$asked_config"
  fi
  LAB_PORT_OFFSET=${LAB_PORT_OFFSET:-0}
  LAB_CONFIG=${LAB_CONFIG:-$root/config/lab.yaml}
  LAB_CONFIG=$(realpath -m "$LAB_CONFIG")
  die_code=2
  [[ $LAB_PORT_OFFSET =~ ^(0|[1-9][0-9]{0,4})$ ]] && [ "$LAB_PORT_OFFSET" -le 44000 ] || die "LAB_PORT_OFFSET must be a number from 0 to 44000, not $LAB_PORT_OFFSET"
  case ${LAB_ENGINE:-} in ''|docker|native) ;; *) die "LAB_ENGINE must be docker or native, not $LAB_ENGINE" ;; esac
  die_code=4
  export LAB_PORT_OFFSET LAB_CONFIG LAB_ENGINE
}

save_settings() {
  printf '%s\n' "# The settings of the running lab. \`just down\` removes this file." \
    "LAB_ENGINE=$LAB_ENGINE" "LAB_PORT_OFFSET=$LAB_PORT_OFFSET" "LAB_CONFIG=$(printf %q "$LAB_CONFIG")" "LAB_ID=${lab_id:-}" >"$lab/env"
}

# write_commands: the daemons as commands for the user's PATH.
write_commands() {
  local name
  mkdir -p "$lab/bin"
  for name in loadgen scenariod; do
    printf '#!/usr/bin/env bash\n# %s of the lab in %s, from any folder. Written by `just up`.\nLAB_HOME=%q exec %q %s "$@"\n' \
      "$name" "$root" "$lab" "$root/deploy/daemon.sh" "$name" >"$lab/bin/$name.new"
    chmod +x "$lab/bin/$name.new"
    mv -f "$lab/bin/$name.new" "$lab/bin/$name"
  done
}

# wait_for_sample PROMTOOL...: wait until Prometheus has scraped the running loadgen. Older samples do not count. A scenario that starts
# before would be inconclusive.
wait_for_sample() {
  local since deadline=$((SECONDS + 20))
  since=$(date +%s.%N)
  until [[ $("$@" "up{job=\"loadgen\"} == 1 and timestamp(up{job=\"loadgen\"}) > $since" 2>/dev/null) == *' => '* ]]; do
    [ $SECONDS -lt $deadline ] || { say "Prometheus has not scraped loadgen for 20 s: a scenario would be inconclusive"; return 0; }
    sleep 0.5
  done
}

# print_next SCENARIO: nothing is proposed without one.
print_next() {
  [ -n "$1" ] || return 0
  local command=scenariod
  say "" "next: run a scenario"
  case $lab in
    *:*) command=$(printf %q "$lab/bin/scenariod") ;;   # PATH cannot hold this folder
    *) printf '  export PATH=%q:$PATH\n' "$lab/bin" ;;
  esac
  say "  $command run $1"
}
