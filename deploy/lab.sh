#!/usr/bin/env bash
# Starts, stops and shows the lab: lab.sh up | down | status | logs [-f] [PART] | run NAME ARGS
# status exits with 0 only if every part is up.
# LAB_ENGINE=docker|native selects the engine, LAB_PORT_OFFSET=N moves every port, LAB_CONFIG is the lab file,
# LAB_HOME the folder of the lab's state (.lab), LAB_PROFILE the cargo profile of the daemons (release).
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=native/stack.sh
source "$root/deploy/native/stack.sh"
# shellcheck source=compose.sh
source "$root/deploy/compose.sh"

# choose_engine: Docker Compose if an engine is running, else native.
choose_engine() {
  case ${LAB_ENGINE:-} in
    native) ;;
    docker) docker_answers || die "LAB_ENGINE=docker, but no Docker engine with Compose is running" "start Docker, or use LAB_ENGINE=native" ;;
    *) if docker_answers; then LAB_ENGINE=docker; else LAB_ENGINE=native; fi ;;
  esac
}

refuse_other_settings() {
  [ -z "${asked_other:-}" ] || die "a lab is up with LAB_ENGINE=$LAB_ENGINE LAB_PORT_OFFSET=$LAB_PORT_OFFSET LAB_CONFIG=$LAB_CONFIG, which differs from $asked_other" "run \`just down\` first"
}

# run NAME ARGS: build and run a daemon of this workspace, with the settings of the lab.
run() {
  local name=${1:-}
  case $name in
    loadgen|scenariod) shift ;;
    *) die_code=2 die "cannot run '$name'" "use loadgen or scenariod, as in \`just run scenariod --list\`" ;;
  esac
  build lab loadgen scenariod
  eval "$(lab_program settings)"
  export LAB_STATE=$lab/state LAB_MEMBER=$lab_id
  exec "${built[$name]}" "$@"
}

# down: stop the running lab. If its engine is not known, stop what both engines have of it.
down() {
  case $running-${LAB_ENGINE:-} in
    yes-docker)
      docker_answers || die "the lab is up in Docker, but no engine is running" "start it, or set DOCKER_HOST as for \`just up\`, then run \`just down\`"
      compose_down ;;
    yes-native) native_down ;;
    *) native_down
      # All labs of the machine share the names of the containers: a lab in a folder of its own must not stop another lab.
      [ "$lab" != "$root/.lab" ] || compose_down ;;
  esac
  rm -f "$lab/env"
  say "the lab is down"
}

command=${1:-}
[ $# = 0 ] || shift
use_settings
case $command in
  up)
    refuse_other_settings
    choose_engine
    if [ "$LAB_ENGINE" = docker ]; then compose_up; else native_up; fi ;;
  down) down ;;
  status|logs)
    [ "$running" = yes ] || { say "no lab is up"; [ "$command" != status ]; exit; }
    if [ "$LAB_ENGINE" = docker ]; then "compose_$command" "$@"; else "native_$command" "$@"; fi ;;
  run) run "$@" ;;
  *) die_code=2 die "unknown command '$command'" "use up, down, status, logs or run" ;;
esac
