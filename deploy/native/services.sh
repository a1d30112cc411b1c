# shellcheck shell=bash
# Writes one runit service directory per part of a native lab (run, check, log/run), below $services_new.
# To be sourced after lib.sh.

services=$lab/service
services_new=$lab/service.new
libexec=$lab/libexec           # the daemons that the last `up` built
answers=$root/deploy/native/answers.sh

# service NAME ADDRESS CHECK -- COMMAND...: CHECK has the other arguments of answers.sh.
# A running service is restarted if its stamp changes: its command, its program, or a file in $depends.
service() {
  local name=$1 address=$2 check=$3 dir=$services_new/$1; shift 4
  parts+=("$name")
  mkdir -p "$dir/log" "$lab/log/$name"
  printf '#!/bin/sh\n# %s of the lab, supervised by runit.\nexec 2>&1\ncd %q\nexport LAB_MEMBER=%q LAB_CONFIG=%q LAB_PORT_OFFSET=%q %s\nexec %s\n' \
    "$name" "$root" "$lab" "$LAB_CONFIG" "$LAB_PORT_OFFSET" "${environment:-}" "$(printf '%q ' "$@")" >"$dir/run"
  printf '#!/bin/sh\nexec %q %q %q %q\n' "$answers" "${check%% *}" "$address" "${check#* }" >"$dir/check"
  printf '#!/bin/sh\nexec %q -tt %q\n' "$programs/svlogd" "$lab/log/$name" >"$dir/log/run"
  printf 's1000000\nn4\n' >"$lab/log/$name/config"
  printf '%s\n' "$address" >"$dir/address"
  cat "$dir/run" "$1" "${depends[@]}" | cksum >"$dir/stamp"
  chmod +x "$dir/run" "$dir/check" "$dir/log/run"
}

# One memcached per server of the lab file. Toxiproxy's configuration has name and upstream of each on separate lines.
memcached_services() {
  local name address identity=()
  [ "$(id -u)" != 0 ] || identity=(-u nobody)   # memcached refuses to run as root
  while read -r name address; do
    service "$name" "$address" memcached -- "$programs/memcached" "${identity[@]}" -l "${address%:*}" -p "${address##*:}" -m 64 -U 0
  done < <(sed -n -e 's/.*"name": *"\([^"]*\)".*/\1/p' -e 's/.*"upstream": *"\([^"]*\)".*/\1/p' "$lab/toxiproxy.json" | paste -d ' ' - -)
}

grafana_service() {
  local address=$1 program home
  program=$(command -v grafana || command -v grafana-server) || return 0
  home=$(dirname "$(dirname "$(readlink -f "$program")")")
  [ -d "$home/public" ] || home=/usr/share/grafana
  set -- "$program"
  [ "$(basename "$program")" != grafana ] || set -- "$program" server
  local environment
  environment="GF_SERVER_HTTP_ADDR=${address%:*} GF_SERVER_HTTP_PORT=${address##*:} GF_AUTH_ANONYMOUS_ENABLED=true GF_AUTH_ANONYMOUS_ORG_ROLE=Viewer"
  environment+=" GF_ANALYTICS_REPORTING_ENABLED=false GF_ANALYTICS_CHECK_FOR_UPDATES=false GF_LOG_MODE=console"
  environment+=" $(printf 'GF_PATHS_DATA=%q GF_PATHS_PROVISIONING=%q LAB_DASHBOARDS=%q LAB_PROMETHEUS_URL=%q' \
    "$lab/grafana" "$root/grafana/provisioning" "$root/grafana/dashboards" "http://$prometheus_address")"
  mkdir -p "$lab/grafana"
  service grafana "$address" "http /api/health" -- "$@" --homepath "$home"
}

# loadgen_settings: move the variables for loadgen from the environment into its service. The next `up` without them restores the settings
# of the lab file.
loadgen_settings() {
  local name
  for name in $("$built/loadgen" --help | sed -n 's/.*\[env: \(LAB_[A-Z_]*\)=.*/\1/p'); do
    [ -n "${!name+set}" ] || continue
    environment+=" $(printf '%s=%q' "$name" "${!name}")"
    [ ! -f "${!name}" ] || depends+=("${!name}")
    unset "$name"
  done
}

write_services() {
  local depends=() environment=
  rm -rf "$services_new"
  parts=()   # each part after the parts that it depends on
  memcached_services
  depends=("$lab/toxiproxy.json")
  environment="LOG_LEVEL=warn"   # at the level info it writes a line for every connection
  service toxiproxy "$toxiproxy_address" "http /proxies" -- \
    "$programs/toxiproxy-server" -host "${toxiproxy_address%:*}" -port "${toxiproxy_address##*:}" -config "$lab/toxiproxy.json" \
    -runtime-metrics -proxy-metrics
  environment=
  depends=("$LAB_CONFIG")
  loadgen_settings
  service loadgen "$loadgen_address" "http /health" -- "$libexec/loadgen" --config "$LAB_CONFIG"
  depends=("$LAB_CONFIG")
  environment="LAB_STATE=$(printf %q "$lab/state")"   # shared with the daemon
  service guard "$guard_address" "http /health" -- "$libexec/scenariod" guard --config "$LAB_CONFIG"
  environment=
  mapfile -t depends < <(find "$lab/prometheus" -maxdepth 2 -name '*.yml' | sort)
  service prometheus "$prometheus_address" "http /-/ready" -- \
    "$programs/prometheus" --config.file="$lab/prometheus/prometheus.yml" --storage.tsdb.path="$lab/prometheus/data" \
    --storage.tsdb.retention.time=3d --web.listen-address="$prometheus_address" --log.level=warn
  depends=()
  grafana_service "$grafana_address"
}
