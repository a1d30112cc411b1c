#!/usr/bin/env bash
# Brings Prometheus 3 and its promtool into .lab/prometheus3, built by Go from a pinned release: Debian's package is a 2.
# Without its web pages, and with file discovery alone, which is all that the lab's configuration uses.
set -euo pipefail
# shellcheck source=../lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

version=3.13.5
module=github.com/prometheus/prometheus@v0.3${version#3.}       # 3.13.5 is v0.313.5 as a module
home=$root/.lab/cache/go3
into=$root/.lab/prometheus3

[[ $("$into/prometheus" --version 2>/dev/null) != *" version $version "* ]] || exit 0
have go || die "Go is needed to build Prometheus $version" "put prometheus and promtool of any 3.x into $into"

# Replacements in its go.mod keep `go install` from it, so it is built in a copy of its own.
build() {
  # shellcheck disable=SC2030,SC2031
  export GOPATH=$home GOCACHE=$home/build GOFLAGS=-modcacherw GOWORK=off CGO_ENABLED=0
  go mod download "$module" &&
    cp -r "$home/pkg/mod/$module" "$home/source" && chmod -R u+w "$home/source" && cd "$home/source" &&
    go build -trimpath -tags remove_all_sd,enable_file_sd -o "$into/" \
      -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version" ./cmd/prometheus ./cmd/promtool
}

rm -rf "$home"
mkdir -p "$home" "$into"
say "building Prometheus $version with $(go env GOVERSION) (some minutes)"
quiet "$root/.lab/log/prometheus3.log" "building Prometheus $version" build
rm -rf "$home"
"$into/promtool" --version >/dev/null || die "Prometheus $version was built and does not run"
say "Prometheus $version is in $into"
