#!/usr/bin/env bash
# Compares the packet-loss model with packets that the kernel drops. Two network namespaces are joined by a veth pair: Toxiproxy and
# memcached run in one, loadgen in the other. All of it is removed at the end. Arguments go to `lab-fidelity`.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$(uname -s)" = Linux ] || die "calibration requires Linux: it creates network namespaces"
[ "$(id -u)" = 0 ] || die "calibration requires root: it creates network namespaces and iptables rules" "sudo just calibrate"
for program in ip iptables; do
  have "$program" || die "calibration requires the program $program" "install Debian's package ${program/%ip/iproute2}"
done

near=lab-near-$$ far=lab-far-$$ device=lab$$
scratch=$(mktemp -d)
pids=()
cleanup() {
  local code=$?
  trap - EXIT
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  ip netns del "$near" 2>/dev/null || true
  ip netns del "$far" 2>/dev/null || true
  rm -rf "$scratch"
  exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ip netns add "$near" 2>"$scratch/why" || die "cannot create network namespaces: $(cat "$scratch/why")" "in a container, add CAP_NET_ADMIN and CAP_SYS_ADMIN"
ip netns add "$far"
ip -n "$near" link add "$device" type veth peer name "$device" netns "$far" 2>"$scratch/why" ||
  die "cannot create a veth pair: $(cat "$scratch/why")"
n=1
for namespace in "$near" "$far"; do
  ip -n "$namespace" link set lo up
  # One segment per packet on the wire, as without offloading.
  ip -n "$namespace" link set "$device" gso_max_segs 1 up
  ip -n "$namespace" address add "10.213.47.$n/30" dev "$device"
  # A connection must not inherit metrics of an earlier one.
  ip netns exec "$namespace" sysctl -q -w net.ipv4.tcp_no_metrics_save=1
  n=$((n + 1))
done
ip netns exec "$near" iptables -A INPUT -i "$device" -m statistic --mode random --probability 0.000001 -j DROP 2>"$scratch/why" ||
  die "cannot use the iptables match \`statistic\`: $(cat "$scratch/why")"
ip netns exec "$near" iptables -F INPUT

cat >"$scratch/lab.yaml" <<YAML
servers:
  - { name: memcached1, listen: 10.213.47.2:21211, upstream: 127.0.0.1:11211 }
YAML
ip netns exec "$far" "$programs/memcached" -u nobody -l 127.0.0.1 -p 11211 -U 0 >"$scratch/memcached" 2>&1 & pids+=($!)
printf '[{"name":"memcached1","listen":"10.213.47.2:21211","upstream":"127.0.0.1:11211","enabled":true}]' >"$scratch/proxies.json"
ip netns exec "$far" "$programs/toxiproxy-server" -host 10.213.47.2 -port 8474 -config "$scratch/proxies.json" >"$scratch/toxiproxy" 2>&1 & pids+=($!)

cd "$root"
ip netns exec "$near" target/release/lab-fidelity --node 10.213.47.2:21211 --toxiproxy 10.213.47.2:8474 \
  --lab "$scratch/lab.yaml" --device "$device" "$@" &
fidelity=$!
pids+=("$fidelity")
wait "$fidelity"
