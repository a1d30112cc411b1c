# shellcheck shell=bash
# Unpacks Debian packages into the lab's folder. Nothing is installed, no service is started, and root is not required.
# To be sourced after lib.sh.

fetched=$root/.lab             # not LAB_HOME: all labs share the programs
debian=$fetched/opt/debian       # the unpacked packages
apt_home=$fetched/cache/apt      # package files, and package lists if the machine's cannot be used

# Apt uses the machine's sources, and writes only below apt_home.
apt_options=(-q -o "Dir::Cache=$apt_home/cache" -o Debug::NoLocking=1 -o Acquire::Retries=2)
[ "$(id -u)" != 0 ] || apt_options+=(-o APT::Sandbox::User=root)
own_lists=(-o "Dir::State::lists=$apt_home/lists")

# The machine's package lists may be empty or out of date. Then use lists of our own.
refresh_lists() {
  [[ " ${apt_options[*]} " != *" ${own_lists[1]} "* ]] || return 1
  say "reading Debian's package lists"
  mkdir -p "$apt_home/lists/partial"
  apt_options+=("${own_lists[@]}")
  quiet "$fetched/log/apt-update.log" "reading Debian's package lists" apt-get "${apt_options[@]}" update
}

apt_download() {
  (cd "$apt_home/debs" && apt-get "${apt_options[@]}" download "$@") >>"$fetched/log/apt-download.log" 2>&1
}

# unpack PACKAGE...: fetch and unpack these packages, without their dependencies.
unpack() {
  local package deb
  mkdir -p "$apt_home/cache" "$apt_home/debs" "$debian" "$fetched/log"
  apt_download "$@" || { refresh_lists && apt_download "$@"; } || {
    tail -n 5 "$fetched/log/apt-download.log" >&2
    die "cannot fetch the Debian packages $*" "the whole output is in $fetched/log/apt-download.log"
  }
  for package in "$@"; do
    for deb in "$apt_home/debs/${package}"_*.deb; do
      dpkg-deb -x "$deb" "$debian" || die "cannot unpack $deb" "remove it and try again"
      basename "$deb" .deb >>"$debian/VERSIONS"
    done
  done
  rm -rf "$apt_home/debs"
}

# The folders of the unpacked shared libraries, for LD_LIBRARY_PATH.
library_path() {
  local triplet
  triplet=$(basename "$(dirname "$(find "$debian/usr/lib" "$debian/lib" -maxdepth 2 -name '*.so.*' -print -quit 2>/dev/null)")")
  printf '%s' "$debian/usr/lib/$triplet:$debian/lib/$triplet"
}

missing_libraries() { LD_LIBRARY_PATH=$(library_path) ldd "$1" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p'; }

# The libraries that a package depends on, without the C library.
library_packages() {
  apt-cache "${apt_options[@]}" depends --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances "$@" |
    sed -n 's/^ *|\{0,1\}\(Pre\)\{0,1\}Depends: *\(lib[^ <:]*\).*/\2/p' | grep -vE '^(libc6|libgcc-s1|libcrypt1|libjs-.*)$' | sort -u || true
}

# complete PACKAGE PROGRAM: fetch the missing shared libraries, one level of dependencies at a time.
complete() {
  local from=("$1") program=$2 level known=' ' next package
  while [ -n "$(missing_libraries "$program")" ]; do
    mapfile -t level < <(library_packages "${from[@]}")
    next=()
    for package in "${level[@]}"; do
      [[ $known == *" $package "* ]] || next+=("$package")
      known+="$package "
    done
    [ ${#next[@]} -gt 0 ] || die "cannot find $(missing_libraries "$program" | paste -sd' ') for $(basename "$program") in the packages that it depends on"
    unpack "${next[@]}"
    from=("${next[@]}")
  done
}

# unpacked NAME: the path of an unpacked program, or nothing.
unpacked() { find "$debian/usr/bin" "$debian/usr/sbin" "$debian/sbin" -maxdepth 1 -name "$1" -print -quit 2>/dev/null || true; }

# link NAME: put an unpacked program into the lab's bin, with a wrapper if it needs unpacked libraries.
link() {
  local name=$1 program
  program=$(unpacked "$name")
  program=${program#"$fetched/"}
  rm -f "$programs/$name"
  if ldd "$fetched/$program" 2>/dev/null | grep -q 'not found'; then
    local paths; paths=$(library_path)
    cat >"$programs/$name" <<WRAPPER
#!/bin/sh
# Runs Debian's $name with the shared libraries unpacked beside it.
lab=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
LD_LIBRARY_PATH=$(printf %s "$paths" | sed "s#$fetched/#\$lab/#g")\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} exec "\$lab/$program" "\$@"
WRAPPER
    chmod +x "$programs/$name"
  else
    ln -s "../$program" "$programs/$name"
  fi
}
