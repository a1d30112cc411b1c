//! Prints docs/metrics.md.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().write_all(metrics_core::reference::markdown().as_bytes())
}
