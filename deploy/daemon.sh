#!/usr/bin/env bash
# daemon.sh NAME ARGS: a daemon of the running lab, from any folder. It is the native program, or a container beside the
# Compose lab. Signals reach the daemon, and its exit code comes back. `just up` writes .lab/bin/loadgen and
# .lab/bin/scenariod, which call this.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lab=${LAB_HOME:-$root/.lab}
name=$1; shift

given=${LAB_CONFIG-}
LAB_ENGINE=native
# shellcheck disable=SC1091
[ ! -f "$lab/env" ] || source "$lab/env"

if [ "$LAB_ENGINE" = docker ]; then
  # shellcheck source=compose.sh
  source "$root/deploy/compose.sh"
  compose_daemon "$name" "$@"
fi

[ -x "$lab/libexec/$name" ] || {
  printf 'error: %s is not built\nhint: run `just up` in %s\n' "$name" "$root" >&2
  exit 4
}
export LAB_CONFIG=${given:-${LAB_CONFIG:-$root/config/lab.yaml}} LAB_PORT_OFFSET=${LAB_PORT_OFFSET:-0}
export LAB_STATE=${LAB_STATE:-$lab/state} LAB_MEMBER=${LAB_ID:-}
exec "$lab/libexec/$name" "$@"
