#!/usr/bin/env bash
# Runs every test with LAB_SOAK set, which selects the large numbers. The measurements of the tests are printed and written to
# docs/soak.md.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

report=$(mktemp)
trap 'rm -f "$report"' EXIT
started=$SECONDS
export LAB_SOAK=1 LAB_SOAK_REPORT=$report
cd "$root"
cargo build --release --locked -p loadgen -p scenariod
failed=0
cargo test --workspace --locked --no-fail-fast -- --nocapture --skip endurance:: --skip cost:: || failed=$?
# These run alone, on the release build: the first uses the whole machine, the second measures times of a few milliseconds.
cargo test --locked -p loadgen --test it -- --nocapture endurance:: || failed=$?
cargo test --locked -p dashboard-check --test observe -- --nocapture cost:: || failed=$?
[ -s "$report" ] || die "no test reported a measurement"

# Keep the measurements of a failed run, but not in docs.
page=$root/docs/soak.md
[ "$failed" = 0 ] || page=$root/.lab/soak-failed.md
{
  printf '# Soak\n\nWhat the large test tier measured. Written by `just soak`.\n\n'
  printf 'Commit %s, %s, %s cores, %s minutes.\n\n' "$(git -C "$root" describe --always --dirty)" "$(date -u +%F)" "$(nproc)" "$(((SECONDS - started + 59) / 60))"
  cat "$report"
} | cat -s >"$page"
say "wrote ${page#"$root/"}"
[ "$failed" = 0 ] || die "a test failed: see above"
