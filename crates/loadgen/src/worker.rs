//! One worker: it draws an operation when its pace allows, sends it through the stack and records the result, until it is
//! stopped. It outlives every error of its operations. Thresholds and policies are elsewhere.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use metrics_core::families::client::FinishedOperation;
use metrics_core::labels::Operation;
use tokio_util::sync::CancellationToken;

use crate::ledger::{WriteLedger, Writer};
use crate::open_loop::OpenLoop;
use crate::pacer::{Cost, Pacer, REFUSAL_COST};
use crate::payload::{Sizes, Ttls};
use crate::recorder::{Event, Recorder};
use crate::stack::Stack;
use crate::stack::conn::{Client, Reply, ReplyKind, Request};
use crate::stack::deadline::now;
use crate::stack::operation::{OperationOutcome, StartTimes};
use crate::value::{self, Verdict};
use crate::workload::OpMix;

/// Stops the workers of a thread. Busy workers read the flag, waiting ones use the token.
#[derive(Clone, Debug)]
pub(crate) struct StopSignal {
    pub(crate) flag: Rc<Cell<bool>>,
    pub(crate) token: CancellationToken,
}

pub(crate) struct Worker<C: Client, R: Recorder> {
    pub(crate) writer: Writer,
    pub(crate) ledger: Arc<WriteLedger>,
    pub(crate) stack: Stack<C, R>,
    pub(crate) mix: OpMix,
    pub(crate) sizes: Sizes,
    pub(crate) ttls: Ttls,
    pub(crate) recorder: R,
    pub(crate) stop: StopSignal,
}

/// The source of a worker's operations and of their randomness.
pub(crate) enum OperationSource<R: Recorder> {
    /// Each worker has its own random sequence.
    Closed { pacer: Pacer, rng: Rng },
    /// The number of an operation decides what it is, whichever worker performs it.
    Open { open: Rc<OpenLoop<R>>, seed: u64 },
}

/// The buffers of a worker. Every operation uses them again.
#[derive(Debug, Default)]
struct Buffers {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl<C: Client, R: Recorder> Worker<C, R> {
    pub(crate) async fn run(self, source: OperationSource<R>) {
        match source {
            OperationSource::Closed { pacer, rng } => self.run_closed_loop(pacer, rng).await,
            OperationSource::Open { open, seed } => self.run_open_loop(&open, seed).await,
        }
    }

    async fn run_closed_loop(mut self, pacer: Pacer, mut rng: Rng) {
        let mut buffers = Buffers::default();
        let mut started = now();
        while !self.stop.flag.get() {
            let performed = self.perform(StartTimes::immediate(started), &mut rng, &mut buffers).await;
            // Without a pause, the next operation starts when this one ended. That saves reading the clock.
            started = performed.ended;
            if let Some(next) = pacer.next(performed.ended, performed.cost()) {
                tokio::select! {
                    () = tokio::time::sleep_until(next.into()) => started = now(),
                    () = self.stop.token.cancelled() => break,
                }
            }
        }
    }

    async fn run_open_loop(mut self, open: &OpenLoop<R>, seed: u64) {
        let mut buffers = Buffers::default();
        while let Some((start, actual)) = open.next_operation().await {
            let connected_by = Some(start.intended + open.max_start_delay());
            let begin = StartTimes { intended: start.intended, actual, connected_by };
            let performed = self.perform(begin, &mut start.rng(seed), &mut buffers).await;
            if performed.cost() == Cost::Refused {
                tokio::time::sleep(REFUSAL_COST).await;
            }
        }
    }

    async fn perform(&mut self, begin: StartTimes, rng: &mut Rng, buffers: &mut Buffers) -> OperationOutcome {
        let op = self.mix.draw(rng);
        op.key.write(&mut buffers.key);
        let (key, item) = (buffers.key.as_slice(), op.key.index());
        let mut write = None;
        let request = match op.kind {
            Operation::Get => Request::Get { key },
            Operation::Set => {
                let origin = self.ledger.begin_write(&mut self.writer, item, begin.actual);
                write = Some(origin);
                value::write(&mut buffers.value, item, origin, self.sizes.draw(rng));
                Request::Set { key, value: &buffers.value, ttl: self.ttls.draw(rng) }
            }
            Operation::Delete => Request::Delete { key },
            Operation::Increment => Request::Increment { key },
        };
        let ledger = &self.ledger;
        let performed = self
            .stack
            .perform(request, begin, |reply, read| match reply {
                Reply::Value(value) => ledger.judge_read(item, value, read.began, read.ended),
                Reply::Miss | Reply::Done => Verdict::Right,
            })
            .await;
        match (op.kind, write) {
            (_, Some(id)) => self.ledger.end_write(item, id, performed.write_outcome, performed.ended),
            (Operation::Delete, None) if performed.result.is_ok() => {
                self.ledger.record_deletion(item, begin.actual, performed.ended);
            }
            _ => {}
        }
        if performed.dropped {
            self.recorder.record(Event::Abandoned { server: performed.server });
        } else {
            self.record(op.kind, begin.intended, &performed);
        }
        performed
    }

    fn record(&self, operation: Operation, intended: Instant, performed: &OperationOutcome) {
        let OperationOutcome { server, result, sent, ended, .. } = performed;
        match (operation, result) {
            (Operation::Get, Ok(ReplyKind::Hit)) => self.recorder.record(Event::Hit { server: *server }),
            (Operation::Get, Ok(ReplyKind::Miss)) => self.recorder.record(Event::Miss { server: *server }),
            _ => {}
        }
        self.recorder.record(Event::Finished(FinishedOperation {
            server: *server,
            operation,
            outcome: result.as_ref().map(|_| ()).map_err(|error| *error),
            latency: ended.saturating_duration_since(intended),
            service: sent.map(|sent| ended.saturating_duration_since(sent)),
        }));
    }
}
