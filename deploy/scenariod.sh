#!/usr/bin/env bash
# scenariod of the running lab, from any folder: the native program, or a container beside the compose lab.
# Signals reach the daemon and its exit code comes back. `just up` writes a
# command of that name into .lab/bin that calls this.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
lab=${LAB_HOME:-$root/.lab}

given=${LAB_CONFIG-}
LAB_ENGINE=native
# shellcheck disable=SC1091
[ ! -f "$lab/env" ] || source "$lab/env"

if [ "$LAB_ENGINE" = docker ]; then
  # shellcheck source=compose.sh
  source "$root/deploy/compose.sh"
  compose_scenariod "$@"
fi

[ -x "$lab/libexec/scenariod" ] || {
  printf 'error: scenariod is not built\nhint: run `just up` in %s\n' "$root" >&2
  exit 4
}
export LAB_CONFIG=${given:-${LAB_CONFIG:-$root/config/lab.yaml}} LAB_PORT_OFFSET=${LAB_PORT_OFFSET:-0}
export LAB_STATE=${LAB_STATE:-$lab/state} LAB_MEMBER=$lab
exec "$lab/libexec/scenariod" "$@"
