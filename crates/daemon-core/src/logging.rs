//! Log lines go to standard error, at the level of `RUST_LOG` or a default.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Sends log lines to standard error. `default` is the level or filter when `RUST_LOG` is not set.
pub fn init(default: &str) {
    init_to(default, io::stderr);
}

/// Like [`init`], but each line goes through its own writer: for a daemon that prints other output to the same terminal.
pub fn init_to<W: Write>(default: &str, writer: impl Fn() -> W + Send + Sync + 'static) {
    let set = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = set.and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(default));
    let plain =
        !io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(!plain)
        .with_writer(writer)
        // These would be printed to standard error with a macro that panics when it is closed. A daemon outlives its log.
        .log_internal_errors(false);
    // A second initialisation, as tests in one process make it, keeps the first.
    let _ = subscriber.try_init();
}
