#!/usr/bin/env bash
# Tests the native lab on ports of its own: up, a scenario with the `scenariod` command that Prometheus sees, up again, down.
# It uses the daemons that `cargo test` has built.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

export LAB_ENGINE=native LAB_PROFILE=dev LAB_HOME LAB_PORT_OFFSET
unset LAB_CONFIG LAB_STATE
LAB_HOME=$(mktemp -d)
LAB_PORT_OFFSET=$((8000 + RANDOM % 1500))
prometheus=http://127.0.0.1:$((9091 + LAB_PORT_OFFSET))
lab_sh=$root/deploy/lab.sh

finish() {
  local code=$?
  "$lab_sh" down >/dev/null 2>&1 || true
  [ "$code" = 0 ] || { say "--- the last lines of the lab's logs"; tail -n 5 "$LAB_HOME"/log/*/current "$LAB_HOME/output" 2>/dev/null || true; }
  rm -rf "$LAB_HOME"
  exit "$code"
}
trap finish EXIT

fail() { die_code=1 die "$@"; }

# expect WHAT COMMAND...: its output goes to $LAB_HOME/output.
expect() {
  local what=$1; shift
  "$@" >"$LAB_HOME/output" 2>&1 || { cat "$LAB_HOME/output"; fail "$what: exit $?"; }
  say "ok: $what"
}

# holds PROMQL: does the expression have a value within ten seconds? Comparisons filter.
holds() {
  local deadline=$((SECONDS + 10))
  until [[ $("$programs/promtool" query instant "$prometheus" "$1" 2>/dev/null) == *' => '* ]]; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.5
  done
}

pids() { sed 's/$/\n/' "$LAB_HOME"/service/*/supervise/pid | sort; }

no_toxics() {
  exec 3<>"/dev/tcp/127.0.0.1/$((8474 + LAB_PORT_OFFSET))"
  printf 'GET /proxies HTTP/1.0\r\n\r\n' >&3
  [ "$(grep -o '"toxics":\[\]' <&3 | wc -l)" = 3 ]
}

# .dockerignore must admit every file that is compiled into the daemons.
while IFS=: read -r file path; do
  path=$(realpath --canonicalize-missing --relative-to "$root" "$(dirname "$root/$file")/$path")
  admitted=no
  while read -r entry; do
    [[ $path != "${entry#!}" && $path != "${entry#!}"/* ]] || admitted=yes
  done < <(grep '^!' "$root/.dockerignore")
  [ "$admitted" = yes ] || fail "$file is compiled with $path, which .dockerignore keeps from the image's build"
done < <(cd "$root" && grep -ro 'include_str!("[^"]*"' --include=*.rs crates/*/src | sed -E 's/include_str!\("([^"]*)"/\1/')
say "ok: the image's build has all that the daemons are compiled from"

# refuses MESSAGE UID PROGRAM...: calibration refuses with exit 4 for this user if only these programs of `ip` and `iptables` are on
# PATH. They all fail.
refuses() {
  local message=$1 uid=$2 program code=0 stubs=$LAB_HOME/stubs; shift 2
  rm -rf "$stubs"
  mkdir "$stubs"
  for program in bash cat dirname grep mktemp paste rm tr uname; do ln -s "$(command -v "$program")" "$stubs"; done
  printf '#!/bin/sh\necho %s\n' "$uid" >"$stubs/id"
  for program in "$@"; do printf '#!/bin/sh\necho not permitted >&2\nexit 1\n' >"$stubs/$program"; done
  for program in id "$@"; do chmod +x "$stubs/$program"; done
  PATH=$stubs bash "$root/deploy/calibrate.sh" >"$LAB_HOME/output" 2>&1 || code=$?
  [ "$code" = 4 ] && grep -qxF "error: $message" "$LAB_HOME/output" || fail "calibration: exit $code, not \"$message\": $(cat "$LAB_HOME/output")"
  say "ok: $message"
}

refuses "calibration requires root: it creates network namespaces and iptables rules" 1000 ip iptables
refuses "calibration requires the program ip" 0 iptables
refuses "calibration requires the program iptables" 0 ip
refuses "cannot create network namespaces: not permitted" 0 ip iptables

# in_docker NAME ARGS: run a command of a lab in Docker. `docker` is a script that records its arguments, and its containers exit with 3.
# Prints the options of the container.
in_docker() {
  local code=0 home=$LAB_HOME/docker
  mkdir -p "$home/bin"
  printf '#!/bin/sh\necho "$*" >>%q\n[ "$1" != wait ] || echo 3\n' "$home/calls" >"$home/bin/docker"
  chmod +x "$home/bin/docker"
  printf 'LAB_ENGINE=docker\nLAB_PORT_OFFSET=0\n' >"$home/env"
  rm -f "$home/calls"
  LAB_HOME=$home PATH=$home/bin:$PATH "$root/deploy/daemon.sh" "$@" || code=$?
  [ "$code" = 3 ] || fail "$1 in Docker: exit $code, not that of its container"
  sed -n "s/.* run -d --name [^ ]* //p" "$home/calls"
}
for call in "loadgen --no-deps loadgen --rate 5" "scenariod --no-deps --use-aliases --service-ports scenariod --scenario smoke" \
  "scenariod --no-deps --use-aliases --service-ports scenariod run smoke" "scenariod --no-deps --use-aliases scenariod list"; do
  read -r name options <<<"$call"
  # shellcheck disable=SC2086 # the arguments are words
  [ "$(in_docker "$name" ${options#* $name })" = "$options" ] || fail "$name in Docker is not started by \"$options\""
done
say "ok: in Docker, both commands run in a container of their own"

printf 'LAB_ENGINE=native\nLAB_PORT_OFFSET=%s\nLAB_CONFIG=%q\n' "$LAB_PORT_OFFSET" "$root/config/lab.yaml" >"$LAB_HOME/env"
expect "down, after an up that was interrupted before it created a service" "$lab_sh" down

# A build that does not end, with a child process.
mkdir -p "$LAB_HOME/fake"
printf '#!/bin/sh\n[ "$1" = build ] || exec %q "$@"\nsleep 300 &\necho "$$ $!" >%q\nwait\n' "$(command -v cargo)" "$LAB_HOME/building" >"$LAB_HOME/fake/cargo"
chmod +x "$LAB_HOME/fake/cargo"
for signal in INT TERM; do
  rm -f "$LAB_HOME/building"
  set -m   # else a background job ignores SIGINT
  PATH=$LAB_HOME/fake:$PATH "$lab_sh" up >"$LAB_HOME/output" 2>&1 &
  set +m
  run=$! deadline=$((SECONDS + 30))
  until [ -s "$LAB_HOME/building" ]; do
    [ $SECONDS -lt $deadline ] || fail "the build has not begun: $(tail -n 3 "$LAB_HOME/output")"
    sleep 0.1
  done
  kill -"$signal" "$run"
  code=0
  wait "$run" || code=$?
  [ "$code" -gt 128 ] || fail "up, stopped by SIG$signal during the build: exit $code"
  read -r -a building <"$LAB_HOME/building"
  ! kill -0 "${building[@]}" 2>/dev/null || fail "up, stopped by SIG$signal, left its build running: pid ${building[*]}"
done
say "ok: up, interrupted during the build, leaves no build behind"

! "$lab_sh" status >"$LAB_HOME/output" || fail "status is 0 although no lab is up"
grep -qxF "no lab is up" "$LAB_HOME/output" || fail "status, without a lab: $(cat "$LAB_HOME/output")"
say "ok: the exit code of status shows that no lab is up"
expect "the lab comes up" "$lab_sh" up
[[ $("$programs/promtool" query instant "$prometheus" 'up{job="loadgen"} == 1') == *' => '* ]] || fail "up returned before Prometheus had scraped loadgen"
say "ok: up returns after Prometheus has scraped loadgen"
expect "status, while every part is up" "$lab_sh" status
before=$(pids)
expect "up again" "$lab_sh" up
[ "$before" = "$(pids)" ] || fail "a second up restarted something"
say "ok: a second up restarts nothing"

expect "up with another client" env LAB_CLIENT=fail-fast "$lab_sh" up
grep -qx 'restarting loadgen, which changed' "$LAB_HOME/output" || fail "another client did not restart loadgen: $(cat "$LAB_HOME/output")"
service_has() { grep -qzxF "$1" "/proc/$(cat "$LAB_HOME/service/loadgen/supervise/pid")/environ"; }
service_has LAB_CLIENT=fail-fast || fail "loadgen was not started with the other client"
expect "up without it" "$lab_sh" up
! service_has LAB_CLIENT=fail-fast || fail "loadgen still has the other client"
diff <("$LAB_HOME/libexec/loadgen" --help | sed -n 's/.*\[env: \(LAB_[A-Z_]*\)=.*/\1/p') <(sed -n 's/^ *- \(LAB_[A-Z_]*\)$/\1/p' "$root/deploy/docker-compose.yml") ||
  fail "docker-compose.yml does not pass on every variable that loadgen reads"
say "ok: variables of the client reach only loadgen, and only for the up that has them"
before=$(pids)

sed 's/workload: mixed/workload: mixd/' "$root/config/lab.yaml" >"$LAB_HOME/lab.yaml"
sed -i "s|^LAB_CONFIG=.*|LAB_CONFIG=$LAB_HOME/lab.yaml|" "$LAB_HOME/env"   # as if the running lab's file had been edited
code=0
"$lab_sh" up >"$LAB_HOME/output" 2>&1 || code=$?
[ "$code" = 2 ] && [[ $(tail -n 1 "$LAB_HOME/output") == "error: $LAB_HOME/lab.yaml:"*'`workload` is `mixd`'* ]] || fail "up with an invalid lab file: exit $code: $(tail -n 3 "$LAB_HOME/output")"
[ "$before" = "$(pids)" ] || fail "an up that was refused restarted something"
sed -i "s|^LAB_CONFIG=.*|LAB_CONFIG=$root/config/lab.yaml|" "$LAB_HOME/env"
say "ok: up rejects an invalid lab file before it restarts anything"

code=0
LAB_HOME=$LAB_HOME/other "$lab_sh" up >"$LAB_HOME/output" 2>&1 || code=$?
[ "$code" = 4 ] && grep -q "error: port $((9090 + LAB_PORT_OFFSET)), required by loadgen, is in use by pid" "$LAB_HOME/output" ||
  fail "a second lab on the same ports: exit $code: $(tail -n 3 "$LAB_HOME/output")"
say "ok: up names a port that is in use, and the process that uses it"

cd /
expect "a scenario with the scenariod command, from another folder" "$LAB_HOME/bin/scenariod" --scenario packet-loss-10 --time-scale 0.1
holds 'sum(memcache_operations_total) > 1000' || fail "Prometheus has seen no load"
for phase in 1 2 3; do
  holds "count_over_time((scenario_phase{scenario=\"packet-loss-10\"} == $phase)[5m:1s]) > 0" || fail "Prometheus has not seen phase $phase"
done
holds 'max_over_time(toxiproxy_toxic_active[5m]) == 1' || fail "Prometheus has not seen the toxic"
holds 'count(last_over_time(scenario_expectation_result[5m]) == 1) > 4' || fail "Prometheus has not seen its verdict"
say "ok: its phases, its toxic and its verdict are in Prometheus"
no_toxics || fail "a toxic is left behind"
say "ok: no toxic is left"

expect "a load with the loadgen command, from another folder" "$LAB_HOME/bin/loadgen" --rate 200 --duration 2s --metrics-addr 127.0.0.1:0 --json
grep -qE '"succeeded": [1-9]' "$LAB_HOME/output" || fail "the load with the loadgen command had no successful operation: $(head -n 5 "$LAB_HOME/output")"

expect "the logs of scenariod" "$lab_sh" logs scenariod
grep -q '"kind":"end"' "$LAB_HOME/output" || fail "logs scenariod shows no journal: $(tail -n 3 "$LAB_HOME/output")"

"$programs/sv" -w 5 down "$LAB_HOME/service/guard" >/dev/null
! "$lab_sh" status >"$LAB_HOME/output" || fail "status is 0 while the guard is down"
grep -q '^guard  *down' "$LAB_HOME/output" || fail "status, while the guard is down: $(cat "$LAB_HOME/output")"
"$programs/sv" -w 5 up "$LAB_HOME/service/guard" >/dev/null
say "ok: the exit code of status shows that a part is down"

holds 'up{job="guard"} == 1' || fail "Prometheus does not scrape the guard"
"$LAB_HOME/bin/scenariod" --scenario packet-loss-10 --time-scale 0.1 >"$LAB_HOME/output" 2>&1 &
run=$!
holds 'toxiproxy_toxic_active == 1' || fail "the scenario that is to be killed has injected no fault"
kill -KILL "$run"
{ wait "$run"; } 2>/dev/null || true
deadline=$((SECONDS + 10))
until no_toxics; do
  [ $SECONDS -lt $deadline ] || fail "the guard has not removed the toxics of a killed scenario: $(tail -n 3 "$LAB_HOME/log/guard/current")"
  sleep 0.5
done
say "ok: the guard removes the toxics of a killed scenario"

"$LAB_HOME/bin/scenariod" --scenario packet-loss-10 >"$LAB_HOME/output" 2>&1 &
run=$!
holds 'scenario_active == 1' || fail "the second scenario is not running"
expect "down, while a scenario runs" "$lab_sh" down
code=0
wait "$run" || code=$?
[ "$code" = 143 ] || fail "the interrupted scenario: exit $code, not 143"
left=$(grep -lzxF "LAB_MEMBER=$LAB_HOME" /proc/[0-9]*/environ 2>/dev/null || true)
[ -z "$left" ] || fail "down left processes behind: $left"
say "ok: nothing is left running"
