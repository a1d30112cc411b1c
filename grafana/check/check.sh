#!/usr/bin/env bash
# check.sh [FILE...]: checks dashboard files against Grafana's own types, by default all dashboards of the lab. It requires Node, and
# npm's registry the first time. If one of them is missing, it names it and exits with 77.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$here/../../.lab/dashboard-types
skip() { echo "$1" >&2; exit 77; }

command -v node >/dev/null && command -v npm >/dev/null || skip "missing program: node or npm"
mkdir -p "$work"
if ! cmp -s "$here/package-lock.json" "$work/package-lock.json" || [ ! -x "$work/node_modules/.bin/tsc" ]; then
  cp "$here/package.json" "$here/package-lock.json" "$work"
  (cd "$work" && timeout 120 npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1) ||
    { rm -f "$work/package-lock.json"; skip "npm cannot fetch @grafana/schema"; }
fi

run=$(mktemp -d "$work/run.XXXXXX")
trap 'rm -rf "$run"' EXIT
cp "$here/types.ts" "$run"
[ $# -gt 0 ] || set -- "$here"/../dashboards/*.json
for file in "$@"; do node "$here/literals.mjs" "$file" >"$run/$(basename "$file" .json).ts"; done
"$work/node_modules/.bin/tsc" --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler "$run"/*.ts
echo "$# dashboards match Grafana's types"
