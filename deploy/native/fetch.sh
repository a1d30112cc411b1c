#!/usr/bin/env bash
# Brings what the lab runs natively into .lab/bin: memcached, Prometheus and runit from Debian's packages (unpacked,
# never installed), Toxiproxy built by Go. Does nothing where it is all there. Needs no root.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
source "$root/deploy/native/debian.sh"
source "$root/deploy/native/toxiproxy.sh"

# runs NAME: is this program in the lab's bin, and does the machine load it?
runs() {
  local program=$lab_bin/$1
  [ -x "$program" ] || return 1
  case $1 in
    memcached) "$program" -V ;;
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
    ln -sfn "$(command -v "$name")" "$lab_bin/$name"
    say "$name: using $(command -v "$name")"
  done
}

# debian_programs PACKAGE NAME...: Debian's package where there is apt, else copies on PATH.
debian_programs() {
  local package=$1 name; shift
  ! all_run "$@" || return 0
  if have apt-get && have dpkg-deb; then
    say "unpacking Debian's $package"
    unpack "$package"
    for name in "$@"; do
      complete "$package" "$(find "$debian/usr/bin" "$debian/usr/sbin" -maxdepth 1 -name "$name" -print -quit 2>/dev/null)"
      link "$name"
    done
  else
    from_path "$@" || die "$package is missing, and there is no apt-get to fetch it with" "put $(printf '%s ' "$@" | sed 's/ $//') on PATH"
  fi
  all_run "$@" || die "$package was brought to $lab_bin but does not run" "remove $lab and try again"
}

mkdir -p "$lab_bin" "$lab/log"
if have flock; then  # two runs at once would unpack over each other
  exec 9>"$lab/fetch.lock"
  flock -n 9 || { say "waiting for another set-up in $lab"; flock 9; }
fi

debian_programs memcached memcached
debian_programs prometheus prometheus promtool
debian_programs runit runsvdir runsv sv svlogd
all_run toxiproxy-server toxiproxy-cli || from_path toxiproxy-server toxiproxy-cli || build_toxiproxy
all_run toxiproxy-server toxiproxy-cli || die "Toxiproxy was brought to $lab_bin but does not run" "remove $lab and try again"
rm -rf "$lab/cache"
say "the lab's programs are in $lab_bin"
