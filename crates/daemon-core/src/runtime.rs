//! The Tokio runtimes of the daemons. What runs on them is each daemon's own.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::descriptors;

/// More descriptors than one runtime opens. Tokio panics if it gets none for its signals.
const DESCRIPTORS: usize = 12;

/// A runtime with this many threads of its own, and at least one.
pub fn multi_thread(workers: usize) -> io::Result<Runtime> {
    descriptors::check_free(DESCRIPTORS)?;
    Builder::new_multi_thread().worker_threads(workers.max(1)).enable_all().build()
}

/// A runtime that works only while a thread waits in `block_on`, in that thread.
pub fn current_thread() -> io::Result<Runtime> {
    descriptors::check_free(DESCRIPTORS)?;
    Builder::new_current_thread().enable_all().build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_and_sockets_work_on_each() {
        for runtime in [multi_thread(0), multi_thread(2), current_thread()] {
            let runtime = runtime.expect("starts");
            runtime.block_on(async {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("binds");
            });
        }
    }
}
