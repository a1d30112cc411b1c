//! The client stack under test, in the order an operation passes it: route -> breaker -> pool -> connection, under one
//! deadline. What each step knows is in its own file; the order and what a failure means are here.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_core::families::client::ClientShard;
use metrics_core::labels::{CloseReason, ErrorType};

use crate::flight::Seen;
use crate::ledger::{Fate, Ledger};
use crate::pacer::Cost;
use crate::stack::conn::{Client, ConnError, Connection, Reply, Request};
use crate::stack::deadline::{Deadline, Elapsed, now};
use crate::stack::node::Node;
use crate::stack::pool::{Pool, Pooled};
use crate::stack::route::Router;
use crate::value::{Verdict, Wrong};

pub(crate) mod breaker;
pub(crate) mod conn;
pub(crate) mod deadline;
pub(crate) mod node;
pub(crate) mod pool;
pub(crate) mod route;
pub(crate) mod window;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// One operation as a whole: waiting for a connection and dialling included.
    pub(crate) operation: Duration,
    /// Dialling alone, within the operation's.
    pub(crate) connect: Duration,
}

/// What the workers of one thread have in common.
pub(crate) struct Shared<C: Client> {
    pub(crate) client: C,
    pub(crate) router: Router,
    pub(crate) nodes: Arc<[Node]>,
    /// One per node.
    pub(crate) pools: Vec<Pool<C::Connection>>,
    pub(crate) timeouts: Timeouts,
    pub(crate) shard: Arc<ClientShard>,
    pub(crate) ledger: Arc<Ledger>,
}

/// One worker's way to the nodes.
pub(crate) struct Stack<C: Client> {
    shared: Rc<Shared<C>>,
    /// The connection this worker used last, per node, while it is healthy; empty where connections are shared.
    own: Vec<Option<Pooled<C::Connection>>>,
    deadline: Deadline,
}

/// An operation that ended, one way or the other.
#[derive(Debug)]
pub(crate) struct Performed {
    pub(crate) server: usize,
    pub(crate) result: Result<Reply, ErrorType>,
    /// When the request was handed to the connection, if it got that far.
    pub(crate) sent: Option<Instant>,
    pub(crate) ended: Instant,
    /// What a write may have done.
    pub(crate) fate: Fate,
}

impl Performed {
    pub(crate) fn cost(&self) -> Cost {
        match self.result {
            Err(ErrorType::BreakerOpen | ErrorType::PoolExhausted) => Cost::Refused,
            // A refused dial is quick as well, but it costs a system call and the node notices.
            _ => Cost::Exchanged,
        }
    }
}

/// When a request was handed to its connection, and when its reply was complete.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchanged {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

/// A connection in use, and what to give back with it.
struct Checkout<'a, C> {
    connection: Pooled<C>,
    slot: Option<tokio::sync::SemaphorePermit<'a>>,
}

impl<C: Client> Stack<C> {
    /// Needs a tokio runtime around it.
    pub(crate) fn new(shared: Rc<Shared<C>>) -> Self {
        let own = shared.nodes.iter().map(|_| None).collect();
        Self { shared, own, deadline: Deadline::new() }
    }

    /// Performs one request that starts at `started`. `judge` sees the reply before the connection counts as
    /// healthy: most wrong values are those of a connection out of step.
    pub(crate) async fn perform(
        &mut self,
        request: Request<'_>,
        started: Instant,
        judge: impl FnOnce(&Reply, Exchanged) -> Verdict,
    ) -> Performed {
        let shared = Rc::clone(&self.shared);
        let server = shared.router.route(request.key());
        shared.shard.started(server);

        let Some(admission) = shared.nodes[server].admit(started) else {
            shared.shard.breaker_rejected(server);
            let result = Err(ErrorType::BreakerOpen);
            return Performed { server, result, sent: None, ended: started, fate: Fate::NoEffect };
        };

        let limit = started + shared.timeouts.operation;
        let performed = match self.checkout(&shared, server, started, limit).await {
            Ok((checkout, ready)) => {
                self.exchange(&shared, server, checkout, request, ready, limit, judge).await
            }
            Err(error) => {
                Performed { server, result: Err(error), sent: None, ended: now(), fate: Fate::NoEffect }
            }
        };
        admission.record(performed.result.is_ok(), performed.ended);
        performed
    }

    /// A connection to the node and the time it was ready: the worker's own, an idle one, or a new one.
    async fn checkout<'a>(
        &mut self,
        shared: &'a Shared<C>,
        server: usize,
        started: Instant,
        limit: Instant,
    ) -> Result<(Checkout<'a, C::Connection>, Instant), ErrorType> {
        if let Some(connection) = self.own[server].take() {
            shared.shard.acquired(server, Duration::ZERO);
            return Ok((Checkout { connection, slot: None }, started));
        }
        let pool = &shared.pools[server];
        let slot = match self.deadline.within(limit, pool.slot()).await {
            // A slot that came at the very end is no use: the next one in the queue may still have time.
            Ok(slot) if !pool.shared() || now() < limit => slot,
            Ok(_) | Err(Elapsed) => {
                shared.shard.acquire_failed(server);
                return Err(ErrorType::PoolExhausted);
            }
        };
        let connection = match pool.take_idle() {
            Some(connection) => connection,
            None => self.dial(shared, server, started, limit).await?,
        };
        let ready = now();
        shared.shard.acquired(server, ready.saturating_duration_since(started));
        Ok((Checkout { connection, slot }, ready))
    }

    async fn dial(
        &mut self,
        shared: &Shared<C>,
        server: usize,
        started: Instant,
        limit: Instant,
    ) -> Result<Pooled<C::Connection>, ErrorType> {
        let begun = now();
        let dial_limit = limit.min(begun + shared.timeouts.connect);
        let error =
            match self.deadline.within(dial_limit, shared.client.dial(&shared.nodes[server].dial)).await {
                Ok(Ok(connection)) => {
                    return Ok(Pooled::new(connection, server, &shared.pools[server].counts, &shared.shard));
                }
                Ok(Err(error)) => {
                    tracing::debug!(server = shared.nodes[server].name, %error, "dial failed");
                    ErrorType::Connect
                }
                // Waiting for a slot took the better part of the operation's time: the node is not to blame.
                Err(Elapsed) if dial_limit == limit && limit - begun < begun - started => {
                    ErrorType::PoolExhausted
                }
                Err(Elapsed) => ErrorType::Connect,
            };
        shared.shard.acquire_failed(server);
        Err(error)
    }

    /// One request and its reply. Whatever is left of a connection that did not end in step is dropped here.
    #[expect(clippy::too_many_arguments, reason = "all of one attempt")]
    async fn exchange(
        &mut self,
        shared: &Shared<C>,
        server: usize,
        checkout: Checkout<'_, C::Connection>,
        request: Request<'_>,
        began: Instant,
        limit: Instant,
        judge: impl FnOnce(&Reply, Exchanged) -> Verdict,
    ) -> Performed {
        let Checkout { mut connection, slot } = checkout;
        let outcome = {
            let (stream, _active) = connection.activate();
            self.deadline.within(limit, stream.exchange(request)).await
        };
        let ended = now();
        let verdict = match &outcome {
            Ok(Ok(reply)) => judge(reply, Exchanged { began, ended }),
            Ok(Err(_)) | Err(Elapsed) => Verdict::Right,
        };
        connection.flight.record(request.operation(), request.key(), began, ended, seen(&outcome, verdict));
        let (result, close, fate) = match (outcome, verdict) {
            (Ok(Ok(_)), Verdict::Wrong(wrong)) => {
                shared.shard.corrupt(server, wrong.kind());
                if shared.ledger.is_first_wrong() {
                    tell(&shared.nodes[server].name, request, wrong, &connection);
                }
                let close = wrong.is_out_of_step().then_some(CloseReason::Error);
                (Err(ErrorType::Corrupt), close, Fate::Unknown)
            }
            (Ok(Ok(reply)), verdict) => {
                if verdict == Verdict::Late {
                    shared.shard.late_write(server);
                }
                (Ok(reply), None, Fate::Acknowledged)
            }
            (Ok(Err(error)), _) => {
                tracing::debug!(server = shared.nodes[server].name, %error, "exchange failed");
                (Err(error.error_type()), error.close_reason(), error.fate())
            }
            (Err(Elapsed), _) => (Err(ErrorType::Timeout), Some(CloseReason::Timeout), Fate::Unknown),
        };
        match close {
            Some(reason) => connection.close(reason),
            None if shared.pools[server].shared() => shared.pools[server].put_idle(connection),
            None => self.own[server] = Some(connection),
        }
        // Given back last: whoever gets the slot next finds the connection idle, or gone.
        drop(slot);
        Performed { server, result, sent: Some(began), ended, fate }
    }
}

fn seen(outcome: &Result<Result<Reply, ConnError>, Elapsed>, verdict: Verdict) -> Seen {
    match (outcome, verdict) {
        (_, Verdict::Wrong(wrong)) => Seen::Wrong(wrong.kind()),
        (_, Verdict::Late) => Seen::Late,
        (Ok(Ok(Reply::Value(_))), _) => Seen::Value,
        (Ok(Ok(Reply::Miss)), _) => Seen::Miss,
        (Ok(Ok(Reply::Done)), _) => Seen::Done,
        (Ok(Err(error)), _) => Seen::Failed(error.error_type()),
        (Err(Elapsed), _) => Seen::Failed(ErrorType::Timeout),
    }
}

/// The first wrong value of a run, with all that is known.
fn tell<C>(server: &str, request: Request<'_>, wrong: Wrong, connection: &Pooled<C>) {
    let (key, kind) = (String::from_utf8_lossy(request.key()), wrong.kind());
    let recent = &connection.flight;
    tracing::error!(server, %kind, %key, found = %wrong, %recent, "wrong value read; further ones are only counted");
}

#[cfg(test)]
mod tests;
