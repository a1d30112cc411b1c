# The memcache resilience lab. `just` alone lists what there is.

set shell := ["bash", "-euo", "pipefail", "-c"]
set positional-arguments

[private]
default:
    @just --list --unsorted

# Start the lab and its load: Docker Compose where an engine answers, else natively (LAB_ENGINE, LAB_PORT_OFFSET)
[group('lab')]
[no-exit-message]
up:
    @deploy/lab.sh up

# Stop the lab; no process and no container is left
[group('lab')]
[no-exit-message]
down:
    @deploy/lab.sh down

# Each part of the lab: up or down, address, pid; exit 0 only while every part is up
[group('lab')]
[no-exit-message]
status:
    @deploy/lab.sh status

# Last lines of every part, or of one; -f follows
[group('lab')]
[no-exit-message]
logs *ARGS:
    @deploy/lab.sh logs "$@"

# A daemon of this workspace with the lab's settings: just run scenariod --list
[group('lab')]
[no-exit-message]
run NAME *ARGS:
    @deploy/lab.sh run "$@"

# All tests, on real parts
[group('project')]
test: setup
    @rm -f .lab/skipped
    LAB_SKIPPED="$PWD/.lab/skipped" cargo test --workspace --locked
    deploy/test.sh
    @if [ -s .lab/skipped ]; then cat .lab/skipped; fi

# What must hold before a commit: format, lints, dependencies, house rules, shipped configuration
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

# Bring memcached, Prometheus, Toxiproxy and runit into .lab/bin (no root, nothing installed)
[group('project')]
setup:
    @deploy/native/fetch.sh

# The same tests with large numbers; writes docs/soak.md
[group('project')]
soak: setup
    deploy/soak.sh

# Dashboards, rules and alerts on Prometheus 3, which Debian does not have yet; the first time it is built, for some minutes
[group('project')]
prometheus3: setup
    deploy/native/prometheus3.sh
    cargo build --locked -p loadgen -p scenariod
    LAB_BIN="$PWD/.lab/prometheus3" cargo test --locked -p dashboard-check --test observe

# What an operation of loadgen costs, beside the cheapest clients there are; writes docs/performance.md
[group('project')]
bench *ARGS:
    deploy/native/fetch.sh peers
    cargo build --release --locked -p loadgen -p bench
    cargo run --quiet --release --locked -p bench -- run --report docs/performance.md "$@"

# How true packet loss is, beside packets that the kernel loses; writes docs/fidelity.md. Needs root
[group('project')]
calibrate *ARGS: setup
    cargo build --release --locked -p loadgen -p scenariod -p fidelity
    deploy/calibrate.sh --report docs/fidelity.md "$@"

# The pictures of docs/interpreting.md, from real runs of some two minutes
[group('project')]
pictures: setup
    cargo build --locked -p loadgen -p scenariod
    cargo run --quiet --locked -p dashboard-check --example pictures

# docs/metrics.md, from the declarations
[group('project')]
metrics-reference:
    cargo run --quiet --locked -p metrics-core --example reference >docs/metrics.md
