# shellcheck shell=bash
# Finds the process that uses a port of the lab. It reads /proc, so it needs no tool and finds what `bind` would find.
# To be sourced after lib.sh.

# listening_inodes PORT: sockets that conflict with 127.0.0.1:PORT.
listening_inodes() {
  local hex; hex=$(printf %04X "$1")
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$hex" '
    $4 == "0A" && split($2, at, ":") == 2 && at[2] == port &&
    (at[1] ~ /^0+$/ || at[1] == "0100007F" || at[1] ~ /FFFF00000100007F$/) { print $10 }'
}

# holder PORT: "pid 123 (command line)", or less without the rights to read it.
holder() {
  local inode link pid
  for inode in $(listening_inodes "$1"); do
    for link in /proc/[0-9]*/fd/*; do
      [ "$(readlink "$link" 2>/dev/null)" = "socket:[$inode]" ] || continue
      pid=${link#/proc/} pid=${pid%%/*}
      printf 'pid %s (%s)\n' "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -c1-80 | sed 's/ *$//')"
      return
    done
  done
  printf 'a process of another user or container\n'
}

# require_free PORT PART
require_free() {
  [ -z "$(listening_inodes "$1")" ] || {
    taken=yes
    printf 'error: port %s, required by %s, is in use by %s\n' "$1" "$2" "$(holder "$1")" >&2
  }
}

# refuse_taken: exit with one hint if require_free found ports in use.
refuse_taken() {
  [ "${taken:-no}" = no ] || {
    printf 'hint: stop that process, or move all ports of the lab: LAB_PORT_OFFSET=%s just up\n' "$((LAB_PORT_OFFSET + 1000))" >&2
    exit 4
  }
}
