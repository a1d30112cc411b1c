//! Where log lines go: standard error, level from `RUST_LOG` or the default.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error. `RUST_LOG` overrides `default`, the level or filter when it is unset.
pub fn init(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        // Told on standard error as well, by a print that panics when its reader is gone: a daemon outlives its log.
        .log_internal_errors(false);
    // A second initialisation, as tests in one process make it, keeps the first.
    let _ = subscriber.try_init();
}
