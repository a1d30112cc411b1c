#!/usr/bin/env bash
# Builds Prometheus 3 and its promtool with Go from a pinned release, into .lab/prometheus3, because Debian has Prometheus 2. The build
# has no web pages and only file discovery: the lab's configuration uses nothing else.
set -euo pipefail
# shellcheck source=../lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

version=3.13.5
module=github.com/prometheus/prometheus@v0.3${version#3.}       # 3.13.5 is v0.313.5 as a module
home=$root/.lab/cache/go3
into=$root/.lab/prometheus3

[[ $("$into/prometheus" --version 2>/dev/null) != *" version $version "* ]] || exit 0
have go || die "cannot build Prometheus $version without Go" "put Go on PATH, or prometheus and promtool 3.x into $into"

# `go install` refuses a go.mod with replacements, so the build uses a copy of the source.
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
"$into/promtool" --version >/dev/null || die "cannot run Prometheus $version"
say "Prometheus $version is in $into"
