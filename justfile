# The memcache resilience lab. `just` without arguments lists the recipes.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

[private]
default:
    @just --list --unsorted

# Start the lab and its load, in Docker Compose if an engine is running, else natively (LAB_ENGINE, LAB_PORT_OFFSET)
[group('lab')]
[no-exit-message]
up:
    @deploy/lab.sh up

# Stop the lab, with all its processes and containers
[group('lab')]
[no-exit-message]
down:
    @deploy/lab.sh down

# Show each part of the lab with its address; exit 0 only if every part is up
[group('lab')]
[no-exit-message]
status:
    @deploy/lab.sh status

# Show the last lines of every part, or of one; -f follows
[group('lab')]
[no-exit-message]
logs *ARGS:
    @deploy/lab.sh logs "$@"

# Build and run a daemon with the lab's settings: just run scenariod --list
[group('lab')]
[no-exit-message]
run NAME *ARGS:
    @deploy/lab.sh run "$@"

# Run all tests, on real memcached, Toxiproxy and Prometheus
[group('project')]
test: setup
    @rm -f .lab/skipped
    LAB_SKIPPED="$PWD/.lab/skipped" cargo test --workspace --locked
    @if [ -s .lab/skipped ]; then cat .lab/skipped; fi

# Check format, lints, dependencies, house rules and shipped configuration
[group('project')]
check: setup
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo deny --version >/dev/null 2>&1 || cargo install cargo-deny --version 0.20.2 --locked
    cargo deny --locked check bans licenses sources
    bin/tidy
    cargo run --quiet --locked -p loadgen -- check
    cargo run --quiet --locked -p scenariod -- check
    cd prometheus && ../.lab/bin/promtool check config prometheus.yml
    bin/shellcheck

# Format the code
[group('project')]
fmt:
    cargo fmt --all

# Fetch memcached, Prometheus, Toxiproxy and runit into .lab/bin (no root, nothing installed)
[group('project')]
setup:
    @deploy/native/fetch.sh

# Run the tests with large numbers; writes docs/soak.md
[group('project')]
soak: setup
    deploy/soak.sh

# Count verdicts beside other work on this machine, for hours; continues where it ended (--plan, --only, --rounds, --scenarios)
[group('project')]
soak-busy *ARGS: setup
    cargo build --release --locked -p loadgen -p scenariod -p busy-soak
    target/release/lab-busy-soak "$@"

# Test dashboards, rules and alerts on Prometheus 3; the first time, this builds it for some minutes
[group('project')]
prometheus3: setup
    deploy/native/prometheus3.sh
    cargo build --locked -p loadgen -p scenariod
    LAB_BIN="$PWD/.lab/prometheus3" cargo test --locked -p dashboard-check --test observe

# Measure the cost of one operation of loadgen and of minimal clients; writes docs/performance.md
[group('project')]
bench *ARGS:
    deploy/native/fetch.sh peers
    cargo build --release --locked -p loadgen -p bench
    cargo run --quiet --release --locked -p bench -- run --report docs/performance.md "$@"

# Compare simulated packet loss with packets that the kernel drops; writes docs/fidelity.md; requires root
[group('project')]
calibrate *ARGS: setup
    cargo build --release --locked -p loadgen -p scenariod -p fidelity
    deploy/calibrate.sh --report docs/fidelity.md "$@"

# Record the pictures of docs/interpreting.md, from real runs of about two minutes
[group('project')]
pictures: setup
    cargo build --locked -p loadgen -p scenariod
    cargo run --quiet --locked -p dashboard-check --example pictures

# Write docs/metrics.md from the declarations of the metrics
[group('project')]
metrics-reference:
    cargo run --quiet --locked -p metrics-core --example reference >docs/metrics.md
