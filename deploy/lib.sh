# shellcheck shell=bash
# Shared by the lab's scripts: where things are, how they speak, and what a running lab was started with.
# To be sourced; the caller has set `-euo pipefail`.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lab=$root/.lab
lab_bin=$lab/bin
export LC_ALL=C

# The lab's own programs must never be mistaken for the machine's.
PATH=$(printf %s "$PATH" | tr ':' '\n' | grep -vxF "$lab_bin" | paste -sd:)

say() { printf '%s\n' "$*"; }

# die MESSAGE [HINT]
die() {
  printf 'error: %s\n' "$1" >&2
  [ -z "${2:-}" ] || printf 'hint: %s\n' "$2" >&2
  exit "${die_code:-4}"
}

# quiet LOG WHAT COMMAND...: run a long command, its output in LOG; on failure show the end of it.
quiet() {
  local log=$1 what=$2; shift 2
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 && return
  printf '%s\n' "--- the last lines of $log" >&2
  tail -n 8 "$log" >&2
  die "$what failed" "the whole output is in $log"
}

have() { command -v "$1" >/dev/null 2>&1; }
