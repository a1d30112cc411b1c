# shellcheck shell=bash
# The lab in Docker Compose, as the plug-in `docker compose` or the older `docker-compose`.
# To be sourced; needs $root.

project=memcache-resilience-lab   # as in deploy/.env
of_project=(--filter "label=com.docker.compose.project=$project")

compose() {
  local files=(-f "$root/deploy/docker-compose.yml" --project-directory "$root/deploy" -p "$project")
  if docker compose version >/dev/null 2>&1; then
    docker compose "${files[@]}" "$@"
  else
    docker-compose "${files[@]}" "$@"
  fi
}

docker_answers() {
  have docker || return 1
  timeout 10 docker info >/dev/null 2>&1 || return 1
  docker compose version >/dev/null 2>&1 || have docker-compose
}

# The published ports, moved by LAB_PORT_OFFSET.
compose_ports() {
  local variable
  # shellcheck disable=SC2034 # exported below
  LAB_LOADGEN_PORT=9090 LAB_PROMETHEUS_PORT=9091 LAB_SCENARIOD_PORT=9092 LAB_GRAFANA_PORT=3000 LAB_GUARD_PORT=9095 LAB_ALERTMANAGER_PORT=9093
  # shellcheck disable=SC2034
  LAB_TOXIPROXY_PORT=8474 LAB_PROXY1_PORT=21211 LAB_PROXY2_PORT=21212 LAB_PROXY3_PORT=21213
  for variable in ${!LAB_*}; do
    [[ $variable == *_PORT ]] || continue
    export "$variable=$((${!variable} + LAB_PORT_OFFSET))"
  done
}

compose_check_ports() {
  local variable taken=
  for variable in ${!LAB_*}; do
    [[ $variable == *_PORT ]] && (exec 3<>"/dev/tcp/127.0.0.1/${!variable}") 2>/dev/null && taken+=" ${!variable} (\$$variable)"
  done
  [ -z "$taken" ] || die "ports of the lab are in use:$taken" "stop the processes that use them, or move all ports of the lab: LAB_PORT_OFFSET=$((LAB_PORT_OFFSET + 1000)) just up"
}

containers() { docker ps --all --quiet "${of_project[@]}"; }

# A line per part: service, state, health. A container of the `loadgen` command is not a part of the lab.
container_states() {
  local ids
  mapfile -t ids < <(containers)
  [ ${#ids[@]} = 0 ] || docker inspect --format \
    '{{index .Config.Labels "com.docker.compose.service"}} {{.State.Status}} {{with .State.Health}}{{.Status}}{{else}}-{{end}} {{index .Config.Labels "com.docker.compose.oneoff"}}' "${ids[@]}" |
    awk '$1 != "loadgen" || $4 != "True" { print $1, $2, $3 }' | sort
}

# waiting: the parts that are not up.
waiting() { container_states | awk '$2 " " $3 != "running healthy" && $1 != "scenariod" { print $1 }' | paste -sd' '; }

compose_wait() {
  local deadline=$((SECONDS + 120)) waiting seen=''
  while :; do
    waiting=$(waiting)
    [ -n "$waiting" ] || break
    [ "$waiting" = "$seen" ] || say "waiting for $waiting"
    seen=$waiting
    [ $SECONDS -lt $deadline ] || die "not healthy after 120 s: $waiting" "\`just logs ${waiting%% *}\` shows why; \`just down\` cleans up"
    sleep 1
  done
}

compose_up() {
  [ "$LAB_CONFIG" -ef "$root/config/lab.yaml" ] || die "in Docker, the lab file must be config/lab.compose.yaml, not $LAB_CONFIG" "edit config/lab.compose.yaml, or use LAB_ENGINE=native"
  compose_ports
  [ -n "$(containers)" ] || compose_check_ports
  say "building the images"
  compose --profile scenario build || die "building the images failed"
  mkdir -p "$lab"
  save_settings
  compose up -d --remove-orphans || die "starting the containers failed" "\`just down\` cleans up"
  compose_wait
  wait_for_sample compose exec -T prometheus promtool query instant http://127.0.0.1:9090
  write_commands
  compose_status
  print_next packet-loss-10
}

compose_down() {
  docker_answers || return 0
  [ -n "$(containers)$(docker network ls --quiet "${of_project[@]}")$(docker volume ls --quiet "${of_project[@]}")" ] || return 0
  local ids
  # First the scenario, so that it can remove its toxics and print its result.
  mapfile -t ids < <(docker ps --quiet "${of_project[@]}" --filter label=com.docker.compose.service=scenariod)
  [ ${#ids[@]} = 0 ] || docker stop --time 15 "${ids[@]}" >/dev/null
  compose --profile scenario --profile alerting down --volumes --remove-orphans
}

# compose_status: exit code 0 if every part is up.
compose_status() {
  local service state health address
  compose_ports
  while read -r service state health; do
    case $service in
      loadgen) address=http://127.0.0.1:$LAB_LOADGEN_PORT ;;
      prometheus) address=http://127.0.0.1:$LAB_PROMETHEUS_PORT ;;
      grafana) address=http://127.0.0.1:$LAB_GRAFANA_PORT ;;
      scenariod) address=http://127.0.0.1:$LAB_SCENARIOD_PORT ;;
      alertmanager) address=http://127.0.0.1:$LAB_ALERTMANAGER_PORT ;;
      guard) address=http://127.0.0.1:$LAB_GUARD_PORT ;;
      toxiproxy) address=http://127.0.0.1:$LAB_TOXIPROXY_PORT ;;
      *) address=- ;;
    esac
    printf '%-12s %-8s %-10s %s\n' "$service" "$state" "$health" "$address"
  done < <(container_states)
  [ -z "$(waiting)" ]
}

compose_logs() {
  compose_ports
  compose logs --tail 100 "$@"
}

# compose_daemon NAME ARGS: run a daemon in a container of its own. The container runs in the background, and its logs are followed: in the
# foreground, some versions of Compose pass on neither signals nor the exit code after one.
compose_daemon() {
  local code options=() service=$1 name=$project-$1-$$ signal=; shift
  LAB_PORT_OFFSET=${LAB_PORT_OFFSET:-0}
  compose_ports
  if [ "$service" = scenariod ]; then
    options=(--use-aliases)   # Prometheus finds it by its alias
    case " $* " in *" run "* | *" --scenario"*) options+=(--service-ports) ;; esac
  fi
  trap 'pass_on INT' INT
  trap 'pass_on TERM' TERM HUP
  compose --profile scenario run -d --name "$name" --no-deps "${options[@]}" "$service" "$@" >/dev/null 2> >(grep -v -e '^Creating ' -e ' Creat' >&2) || true
  docker inspect "$name" >/dev/null 2>&1 || { printf 'error: the %s container did not start\n' "$service" >&2; exit 4; }
  [ -z "$signal" ] || pass_on "$signal"   # it came before the container existed
  set -m   # process groups of their own: Ctrl-C goes to the container, not to `docker logs`
  docker logs --follow "$name" &
  wait_for_exit "$!"
  code=$(docker wait "$name") || code=4
  docker rm --force "$name" >/dev/null 2>&1 || true
  exit "$code"
}

# pass_on SIGNAL: to the container of compose_daemon.
pass_on() {
  signal=$1
  docker kill --signal "$signal" "$name" >/dev/null 2>&1 || true
}

# wait_for_exit PID: wait again after each trapped signal, because a signal ends `wait` but not the process.
wait_for_exit() {
  while kill -0 "$1" 2>/dev/null; do wait "$1" || true; done
}
