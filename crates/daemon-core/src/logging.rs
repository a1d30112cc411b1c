//! Where log lines go: standard error, level from `RUST_LOG` or the default.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error. `RUST_LOG` overrides `default`, the level or filter when it is unset.
pub fn init(default: &str) {
    init_to(default, io::stderr);
}

/// As [`init`], each line through a writer of its own, for a daemon that shares its terminal with other output.
pub fn init_to<W: Write>(default: &str, writer: impl Fn() -> W + Send + Sync + 'static) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let plain =
        !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(!plain)
        .with_writer(writer)
        // Told on standard error as well, by a print that panics when its reader is gone: a daemon outlives its log.
        .log_internal_errors(false);
    // A second initialisation, as tests in one process make it, keeps the first.
    let _ = subscriber.try_init();
}
