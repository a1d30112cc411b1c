//! When the operations of one load thread start: in a closed loop after the worker's last one, in an open loop on schedule.

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Instant;

use fastrand::Rng;

use crate::mix::derive_seed;
use crate::open_loop::OpenLoop;
use crate::pacer::Pacer;
use crate::plan::{LoadPlan, Pace};
use crate::profile::Schedule;
use crate::recorder::Recorder;
use crate::worker::OperationSource;

/// The pace of one thread.
pub(super) enum ThreadPace<R: Recorder> {
    Closed(Pacer),
    Open(Rc<OpenLoop<R>>),
}

impl<R: Recorder> ThreadPace<R> {
    pub(super) fn new(
        load: &LoadPlan,
        index: usize,
        began: Instant,
        end: Option<Instant>,
        recorder: &R,
    ) -> io::Result<Self> {
        match load.pace {
            Pace::Closed(pacer) => Ok(Self::Closed(pacer)),
            Pace::Open { profile, max_start_delay } => {
                let schedule = Schedule::new(profile, index as u64, load.threads as u64)
                    .ok_or_else(|| io::Error::other(format!("invalid load thread {index}")))?;
                let open = OpenLoop::new(schedule, began, max_start_delay, end, recorder.clone());
                Ok(Self::Open(Rc::new(open)))
            }
        }
    }

    pub(super) fn operation_source(&self, seed: u64, worker: u64) -> OperationSource<R> {
        match self {
            Self::Closed(pacer) => OperationSource::Closed { pacer: *pacer, rng: worker_rng(seed, worker) },
            Self::Open(open) => OperationSource::Open { open: Rc::clone(open), seed },
        }
    }

    /// Ends the load at `now`. Operations that are due by then still start or are dropped.
    pub(super) fn close(&self, now: Instant) {
        if let Self::Open(open) = self {
            open.close(now);
        }
    }

    /// Counts the operations that are still queued as dropped. The workers have ended.
    pub(super) fn abandon(&self, now: Instant) {
        if let Self::Open(open) = self {
            open.abandon(now);
        }
    }

    /// Wakes the workers when operations are due. Workers of a closed loop wake themselves.
    pub(super) async fn drive(&self) -> io::Result<Infallible> {
        match self {
            Self::Closed(_) => std::future::pending().await,
            Self::Open(open) => open.drive().await,
        }
    }
}

/// The random sequence of a worker of a closed loop, derived from the seed of the run.
fn worker_rng(seed: u64, worker: u64) -> Rng {
    Rng::with_seed(derive_seed(seed, worker)).fork()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::worker_rng;

    proptest! {
        /// Workers with the same seed draw different sequences, and each worker draws the same sequence again.
        #[test]
        fn each_worker_has_its_own_sequence(seed: u64) {
            let first: HashSet<u64> = (0..1_000).map(|worker| worker_rng(seed, worker).u64(..)).collect();
            prop_assert_eq!(first.len(), 1_000);
            prop_assert_eq!(worker_rng(seed, 3).u64(..), worker_rng(seed, 3).u64(..));
        }
    }
}
