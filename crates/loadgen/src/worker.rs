//! One worker: draws an operation, sends it through the stack, reports it, waits as the pacer says, until told to
//! stop. It outlives every error of its operations. No thresholds and no policy live here.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use metrics_core::families::client::{ClientShard, Finished};
use metrics_core::labels::Operation;
use tokio_util::sync::CancellationToken;

use crate::pacer::Pacer;
use crate::stack::conn::{Client, Reply, Request};
use crate::stack::deadline::now;
use crate::stack::{Performed, Stack};
use crate::value::{self, Origin};
use crate::workload::{Op, OpMix};

/// Told once to every worker of a thread. The flag is for the hot loop, the token for whoever waits.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) flag: Rc<Cell<bool>>,
    pub(crate) token: CancellationToken,
}

pub(crate) struct Worker<C: Client> {
    /// Unique in the process: the writer of its values.
    pub(crate) number: u64,
    pub(crate) stack: Stack<C>,
    pub(crate) mix: OpMix,
    pub(crate) pacer: Pacer,
    pub(crate) value_size: usize,
    pub(crate) rng: Rng,
    pub(crate) shard: Arc<ClientShard>,
    pub(crate) stop: Stop,
}

/// Buffers that every operation reuses.
#[derive(Debug, Default)]
struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
    writes: u64,
}

impl<C: Client> Worker<C> {
    pub(crate) async fn run(mut self) {
        let mut scratch = Scratch::default();
        while !self.stop.flag.get() {
            let op = self.mix.draw(&mut self.rng);
            let performed = self.perform(op, &mut scratch).await;
            if let Some(next) = self.pacer.next(performed.ended, performed.cost()) {
                tokio::select! {
                    () = tokio::time::sleep_until(next.into()) => {}
                    () = self.stop.token.cancelled() => break,
                }
            }
        }
    }

    async fn perform(&mut self, op: Op, scratch: &mut Scratch) -> Performed {
        op.key.write(&mut scratch.key);
        let key = scratch.key.as_slice();
        let request = match op.kind {
            Operation::Get => Request::Get { key },
            Operation::Set => {
                scratch.writes += 1;
                let origin = Origin { writer: self.number, version: scratch.writes };
                value::write(&mut scratch.value, op.key.index(), origin, self.value_size);
                Request::Set { key, value: &scratch.value }
            }
            Operation::Delete => Request::Delete { key },
            Operation::Increment => Request::Increment { key },
        };
        let started = now();
        let performed = self
            .stack
            .perform(request, started, |reply| match reply {
                Reply::Value(value) => value::verify(value, op.key.index()).map(|_| ()),
                Reply::Miss | Reply::Done => Ok(()),
            })
            .await;
        self.report(op.kind, started, &performed);
        performed
    }

    fn report(&self, operation: Operation, started: Instant, performed: &Performed) {
        let Performed { server, result, sent, ended } = performed;
        match (operation, result) {
            (Operation::Get, Ok(Reply::Value(_))) => self.shard.hit(*server),
            (Operation::Get, Ok(Reply::Miss)) => self.shard.miss(*server),
            _ => {}
        }
        self.shard.finished(&Finished {
            server: *server,
            operation,
            outcome: result.as_ref().map(|_| ()).map_err(|error| *error),
            latency: ended.saturating_duration_since(started),
            service: sent.map(|sent| ended.saturating_duration_since(sent)),
        });
    }
}
