#!/usr/bin/env bash
# Fetches the programs of the native lab into .lab/bin: memcached, Prometheus and runit from Debian's packages (unpacked, not
# installed), and Toxiproxy, which it builds with Go. Does nothing if all are there. Requires no root.
# `fetch.sh peers` also fetches the programs that the benchmark compares with.
set -euo pipefail
# shellcheck source=../lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=debian.sh
source "$root/deploy/native/debian.sh"
# shellcheck source=toxiproxy.sh
source "$root/deploy/native/toxiproxy.sh"

# runs NAME: exit code 0 if this program is in the lab's bin and the machine can run it.
runs() {
  local program=$programs/$1
  [ -x "$program" ] || return 1
  case $1 in
    memcached|memcaslap) "$program" -V ;;
    toxiproxy-*|prometheus|promtool) "$program" --version ;;
    *) ! ldd "$program" 2>/dev/null | grep -q 'not found' ;;
  esac >/dev/null 2>&1
}

all_run() { local name; for name in "$@"; do runs "$name" || return 1; done; }

# from_path NAME...: use the machine's own copies.
from_path() {
  local name
  for name in "$@"; do have "$name" || return 1; done
  for name in "$@"; do
    ln -sfn "$(command -v "$name")" "$programs/$name"
    say "$name: using $(command -v "$name")"
  done
}

# debian_programs PACKAGE NAME...: from Debian's package if there is apt, else from PATH.
debian_programs() {
  local package=$1 name; shift
  ! all_run "$@" || return 0
  if have apt-get && have dpkg-deb; then
    say "unpacking Debian's $package"
    unpack "$package"
    for name in "$@"; do
      [ -n "$(unpacked "$name")" ] || unpack "$name"   # in Debian 13, promtool is a package of its own
      [ -n "$(unpacked "$name")" ] || die "no $name in Debian's package $package"
      complete "$package" "$(unpacked "$name")"
      link "$name"
    done
  else
    from_path "$@" || die "cannot fetch $package without apt-get" "put $(printf '%s ' "$@" | sed 's/ $//') on PATH"
  fi
  all_run "$@" || die "cannot run $package from $programs" "remove $fetched and try again"
}

mkdir -p "$programs" "$fetched/log"
if have flock; then  # two runs at once would overwrite each other's files
  exec 9>"$fetched/fetch.lock"
  flock -n 9 || { say "waiting for another fetch into $fetched"; flock 9; }
fi

debian_programs memcached memcached
debian_programs prometheus prometheus promtool
debian_programs runit runsvdir runsv sv svlogd
all_run toxiproxy-server toxiproxy-cli || from_path toxiproxy-server toxiproxy-cli || build_toxiproxy
all_run toxiproxy-server toxiproxy-cli || die "cannot run Toxiproxy from $programs" "remove $fetched and try again"
[ "${1:-}" != peers ] || debian_programs libmemcached-tools memcaslap
rm -rf "$fetched/cache"
say "the lab's programs are in $programs"
