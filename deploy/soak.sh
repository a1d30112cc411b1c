#!/usr/bin/env bash
# The large test tier: every test with LAB_SOAK set, so that it takes its large numbers. What the tests measured is
# printed and written to docs/soak.md.
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
# Alone, on the release build: the first leaves nothing of the machine to others, the second measures times of some ms.
cargo test --locked -p loadgen --test it -- --nocapture endurance:: || failed=$?
cargo test --locked -p dashboard-check --test observe -- --nocapture cost:: || failed=$?
[ -s "$report" ] || die "no test reported a measurement"

# What failed is no page for readers, but worth keeping.
page=$root/docs/soak.md
[ "$failed" = 0 ] || page=$root/.lab/soak-failed.md
{
  printf '# Soak\n\nWhat the large test tier measured. Written by `just soak`.\n\n'
  printf 'Commit %s, %s, %s cores, %s minutes.\n\n' "$(git -C "$root" describe --always --dirty)" "$(date -u +%F)" "$(nproc)" "$(((SECONDS - started + 59) / 60))"
  cat "$report"
} | cat -s >"$page"
say "wrote ${page#"$root/"}"
[ "$failed" = 0 ] || die "a test failed: see above"
