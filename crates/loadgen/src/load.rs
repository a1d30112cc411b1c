//! Starts the load threads and waits for them. One thread is in `load/thread.rs`, one worker in `worker.rs`.

mod pace;
mod thread;

use std::io;
use std::thread::{Builder, JoinHandle};

use daemon_core::runtime;
use metrics_core::families::runtime::Runtimes;
use metrics_core::labels::Runtime;
use tokio::task::LocalSet;

use crate::recorder::Recorder;
use crate::stack::conn::Client;

pub(crate) use thread::ThreadSpec;

/// The load threads of a run.
#[derive(Debug)]
pub(crate) struct LoadThreads {
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// Starts one thread for each recorder.
pub(crate) fn start_threads<C: Client, R: Recorder + Send>(
    spec: &ThreadSpec<C>,
    recorders: Vec<R>,
    runtimes: &Runtimes,
) -> io::Result<LoadThreads> {
    let mut threads = Vec::with_capacity(recorders.len());
    for (index, recorder) in recorders.into_iter().enumerate() {
        let spec = spec.clone();
        let runtime = runtime::current_thread()?;
        runtimes.watch(Runtime::Load, runtime.handle());
        let body = move || LocalSet::new().block_on(&runtime, thread::run_thread(spec, index, recorder));
        threads.push(Builder::new().name(format!("load-{index}")).spawn(body)?);
    }
    Ok(LoadThreads { threads })
}

impl LoadThreads {
    /// Waits for all threads to end. Once stopped, they end within their drain limit. Fails if one of them failed.
    pub(crate) async fn join(self) -> io::Result<()> {
        let joined = tokio::task::spawn_blocking(|| {
            self.threads.into_iter().map(JoinHandle::join).collect::<Vec<_>>()
        });
        for thread in joined.await.unwrap_or_default() {
            match thread {
                Ok(result) => result?,
                Err(_) => return Err(io::Error::other("a load thread panicked")),
            }
        }
        Ok(())
    }
}
