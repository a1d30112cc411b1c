# shellcheck shell=bash
# Builds Toxiproxy from its pinned release with Go. Fetches a Go toolchain if the machine has none.
# To be sourced after lib.sh and debian.sh.

toxiproxy_version=2.12.0
go_needed=1.23
go_pinned=go1.23.12          # the toolchain that is fetched if the machine's Go is too old or missing
go_home=$fetched/cache/go        # GOPATH, caches and toolchain; removed when the build is done

# go_at_least GO: exit code 0 if this Go is new enough for Toxiproxy.
go_at_least() {
  local version
  version=$("$1" env GOVERSION 2>/dev/null | sed -n 's/^go\([0-9.]*\).*/\1/p')
  [ -n "$version" ] && [ "$(printf '%s\n' "$go_needed" "$version" | sort -V | head -n 1)" = "$go_needed" ]
}

# Go writes only below go_home, and does not switch to another version.
in_go_home() {
  env -u GOROOT GOPATH="$go_home" GOMODCACHE="$go_home/mod" GOCACHE="$go_home/build" GOBIN="$go_home/out" \
    GOFLAGS=-modcacherw GOTOOLCHAIN=local CGO_ENABLED=0 "$@"
}

# Debian's newest Go. Even an old one can fetch a newer toolchain as a module.
debian_go() {
  local version
  version=$(apt-cache "${apt_options[@]}" search --names-only '^golang-1\.[0-9]+-go$' | sed -n 's/^golang-\(1\.[0-9]*\)-go .*/\1/p' | sort -V | tail -n 1)
  [ -n "$version" ] || { refresh_lists && debian_go; return; }
  unpack "golang-$version-go" "golang-$version-src" >&2
  go=$debian/usr/lib/go-$version/bin/go
}

# fetch_toolchain GO: the pinned toolchain as a Go module, checked against Go's checksum database.
fetch_toolchain() {
  local machine toolchain
  case $(uname -m) in
    x86_64) machine=amd64 ;;
    aarch64) machine=arm64 ;;
    *) die "no Go toolchain for $(uname -m)" "put Go >= $go_needed, or toxiproxy-server and toxiproxy-cli, on PATH" ;;
  esac
  toolchain=golang.org/toolchain@v0.0.1-$go_pinned.linux-$machine
  say "fetching the Go toolchain $go_pinned"
  quiet "$fetched/log/go-toolchain.log" "fetching $toolchain" in_go_home "$1" mod download "$toolchain"
  mv "$go_home/mod/$toolchain" "$go_home/toolchain"
  # Module files have neither the executable bit nor a nested go.mod. The go command would restore both.
  chmod +x "$go_home/toolchain/bin/"* "$go_home/toolchain/pkg/tool/"*/*
  [ ! -e "$go_home/toolchain/src/_go.mod" ] || mv "$go_home/toolchain/src/_go.mod" "$go_home/toolchain/src/go.mod"
  go=$go_home/toolchain/bin/go
}

# Sets `go` to a Go that is new enough.
find_go() {
  go=$(command -v go || true)
  if [ -n "$go" ] && go_at_least "$go"; then return; fi
  if [ -z "$go" ] || ! "$go" version >/dev/null 2>&1; then
    have apt-get || die "cannot build Toxiproxy $toxiproxy_version without Go >= $go_needed" "put Go, or toxiproxy-server and toxiproxy-cli, on PATH"
    say "unpacking Debian's Go"
    debian_go
  fi
  go_at_least "$go" || fetch_toolchain "$go"
  go_at_least "$go" || die "cannot run the Go toolchain $go"
}

build_toxiproxy() {
  local go module=github.com/Shopify/toxiproxy/v2
  rm -rf "$go_home"
  mkdir -p "$go_home"
  find_go
  say "building Toxiproxy $toxiproxy_version with $("$go" env GOVERSION) (a minute or two, more on a busy machine)"
  quiet "$fetched/log/toxiproxy.log" "building Toxiproxy $toxiproxy_version" \
    in_go_home "$go" install -trimpath -ldflags "-s -w -X $module.Version=$toxiproxy_version" \
    "$module/cmd/server@v$toxiproxy_version" "$module/cmd/cli@v$toxiproxy_version"
  rm -f "$programs/toxiproxy-server" "$programs/toxiproxy-cli"
  mv "$go_home/out/server" "$programs/toxiproxy-server"
  mv "$go_home/out/cli" "$programs/toxiproxy-cli"
  rm -rf "$go_home" "$debian/usr/lib/"go-* "$debian/usr/share/"go-*
}
