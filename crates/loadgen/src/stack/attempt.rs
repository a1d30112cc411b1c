//! One attempt at one node: it gets a connection from the pool, performs one exchange on it, and reports the result to the
//! pool and the breaker.

use std::time::Instant;

use metrics_core::labels::{CloseReason, ErrorType};
use tokio::sync::SemaphorePermit;

use crate::exchange_log::ExchangeResult;
use crate::ledger::WriteOutcome;
use crate::recorder::{Event, Recorder};
use crate::stack::conn::{Client, ConnError, Connection, Reply, ReplyKind, Request};
use crate::stack::context::{OwnConnections, StackContext};
use crate::stack::deadline::{Deadline, Elapsed, now};
use crate::stack::node::Admission;
use crate::stack::operation::{ExchangeTimes, OperationOutcome};
use crate::stack::pool::PooledConnection;
use crate::value::{Verdict, WrongValue};

pub(super) struct Attempt<'a, C: Client, R: Recorder> {
    pub(super) context: &'a StackContext<C, R>,
    pub(super) own: &'a OwnConnections<C, R>,
    pub(super) deadline: &'a mut Deadline,
    pub(super) server: usize,
    pub(super) started: Instant,
    /// The operation is dropped if it has no connection by then.
    pub(super) connected_by: Option<Instant>,
    /// The deadline of the whole operation.
    pub(super) limit: Instant,
}

/// A connection in use, the time at which it was ready, and the slot to return with it.
struct Checkout<'a, C, R: Recorder> {
    connection: Box<PooledConnection<C, R>>,
    ready: Instant,
    slot: Option<SemaphorePermit<'a>>,
}

impl<'a, C: Client, R: Recorder> Attempt<'a, C, R> {
    pub(super) async fn perform(
        &mut self,
        request: Request<'_>,
        admission: Admission<'_>,
        judge: &impl Fn(Reply<'_>, ExchangeTimes) -> Verdict,
    ) -> OperationOutcome {
        match self.checkout().await {
            Ok(checkout) => {
                let performed = self.exchange(checkout, request, judge).await;
                admission.record(performed.result.is_ok(), performed.ended);
                performed
            }
            Err(error) => {
                let ended = now();
                let late = self.connected_by.is_some_and(|by| ended >= by);
                let dropped = error == ErrorType::PoolExhausted && late;
                if dropped || error == ErrorType::Local {
                    // What the node did not cause does not count against it.
                    admission.forget(ended);
                } else {
                    admission.record(false, ended);
                }
                OperationOutcome { dropped, ..OperationOutcome::refused(self.server, error, ended) }
            }
        }
    }

    /// Gets a connection to the node: the worker's own, an idle one, or a new one.
    async fn checkout(&mut self) -> Result<Checkout<'a, C::Connection, R>, ErrorType> {
        let Self { context, server, started, .. } = *self;
        let times = &context.pool_times;
        let own = self.own.borrow_mut()[server].take();
        if let Some(connection) = own.and_then(|own| own.keep_if_usable(times, started)) {
            context.recorder.record(Event::Acquired { server, waited: std::time::Duration::ZERO });
            return Ok(Checkout { connection, ready: started, slot: None });
        }
        let pool = &context.pools[server];
        let limits = [self.connected_by, times.acquire.map(|wait| started + wait)];
        let slot_limit = limits.into_iter().flatten().fold(self.limit, Instant::min);
        let slot = match self.deadline.within(slot_limit, pool.slot()).await {
            // A slot that came too late is returned: the next operation in the queue may still have time.
            Ok(slot) if !pool.is_shared() || now() < slot_limit => slot,
            Ok(_) | Err(Elapsed) => {
                context.recorder.record(Event::AcquireFailed { server });
                return Err(ErrorType::PoolExhausted);
            }
        };
        let connection = match pool.take_idle(times, now()) {
            Some(connection) => connection,
            None => self.dial().await?,
        };
        let ready = now();
        let waited = ready.saturating_duration_since(started);
        context.recorder.record(Event::Acquired { server, waited });
        Ok(Checkout { connection, ready, slot })
    }

    async fn dial(&mut self) -> Result<Box<PooledConnection<C::Connection, R>>, ErrorType> {
        let Self { context, server, started, limit, .. } = *self;
        let node = &context.nodes[server];
        let dial_start = now();
        let dial_limit = limit.min(dial_start + context.timeouts.connect);
        let error = match self.deadline.within(dial_limit, context.client.dial(&node.dial)).await {
            Ok(Ok(connection)) => {
                let counts = &context.pools[server].counts;
                return Ok(PooledConnection::new(connection, server, counts, &context.recorder, now()));
            }
            Ok(Err(error)) => {
                tracing::debug!(server = node.name, %error, "dial failed");
                match error.error_type() {
                    ErrorType::Local => {
                        if node.notices.local.is_first() {
                            log_local_error(&node.name, &error);
                        }
                        ErrorType::Local
                    }
                    _ => ErrorType::Connect,
                }
            }
            // Most of the operation's time was spent waiting for a slot, so the node is not the cause.
            Err(Elapsed) if dial_limit == limit && limit - dial_start < dial_start - started => {
                ErrorType::PoolExhausted
            }
            Err(Elapsed) => ErrorType::Connect,
        };
        context.recorder.record(Event::AcquireFailed { server });
        Err(error)
    }

    /// Sends one request and reads its reply. A connection that may be out of step is closed here.
    async fn exchange(
        &mut self,
        checkout: Checkout<'_, C::Connection, R>,
        request: Request<'_>,
        judge: &impl Fn(Reply<'_>, ExchangeTimes) -> Verdict,
    ) -> OperationOutcome {
        let Self { context, server, limit, .. } = *self;
        let Checkout { mut connection, ready: began, slot } = checkout;
        let (outcome, verdict, ended) = {
            let (stream, _active) = connection.activate();
            let outcome = self.deadline.within(limit, stream.exchange(request)).await;
            let ended = now();
            let verdict = match &outcome {
                Ok(Ok(reply)) => judge(*reply, ExchangeTimes { began, ended }),
                Ok(Err(_)) | Err(Elapsed) => Verdict::Right,
            };
            (outcome.map(|replied| replied.map(|reply| reply.kind())), verdict, ended)
        };
        let logged = exchange_result(&outcome, verdict);
        connection.exchange_log.record(request.operation(), request.key(), began, ended, logged);
        let (result, close, write_outcome) = match (outcome, verdict) {
            (Ok(Ok(_)), Verdict::Wrong(wrong)) => {
                context.recorder.record(Event::Corrupt { server, kind: wrong.kind() });
                if context.ledger.is_first_wrong_value() {
                    log_wrong_value(&context.nodes[server].name, request, wrong, &connection);
                }
                let close = wrong.is_out_of_step().then_some(CloseReason::Error);
                (Err(ErrorType::Corrupt), close, WriteOutcome::Unknown)
            }
            (Ok(Ok(kind)), verdict) => {
                match verdict {
                    Verdict::Late => context.recorder.record(Event::LateWrite { server }),
                    Verdict::Foreign => {
                        context.recorder.record(Event::ForeignValue { server });
                        if context.nodes[server].notices.foreign.is_first() {
                            log_foreign_value(&context.nodes[server].name, request);
                        }
                    }
                    Verdict::Right | Verdict::Wrong(_) => {}
                }
                (Ok(kind), None, WriteOutcome::Acknowledged)
            }
            (Ok(Err(error)), _) => {
                tracing::debug!(server = context.nodes[server].name, %error, "exchange failed");
                if error.error_type() == ErrorType::ServerError
                    && context.nodes[server].notices.refusal.is_first()
                {
                    log_refusal(&context.nodes[server].name, &error);
                }
                (Err(error.error_type()), error.close_reason(), error.write_outcome())
            }
            (Err(Elapsed), _) => (Err(ErrorType::Timeout), Some(CloseReason::Timeout), WriteOutcome::Unknown),
        };
        match close {
            Some(reason) => connection.close(reason),
            None => self.return_connection(connection, ended),
        }
        // The slot is returned last, after the connection is back in the pool or closed.
        drop(slot);
        OperationOutcome { server, result, sent: Some(began), ended, write_outcome, dropped: false }
    }

    /// Returns a usable connection to its worker, or to the pool if the workers share connections.
    #[inline]
    fn return_connection(&self, mut connection: Box<PooledConnection<C::Connection, R>>, at: Instant) {
        let Self { context, server, .. } = *self;
        connection.used(at);
        let pool = &context.pools[server];
        if pool.is_shared() {
            pool.put_idle(connection, &context.pool_times, at);
        } else {
            self.own.borrow_mut()[server] = Some(connection);
        }
    }
}

fn exchange_result(
    outcome: &Result<Result<ReplyKind, ConnError>, Elapsed>,
    verdict: Verdict,
) -> ExchangeResult {
    match (outcome, verdict) {
        (_, Verdict::Wrong(wrong)) => ExchangeResult::Wrong(wrong.kind()),
        (_, Verdict::Late) => ExchangeResult::Late,
        (Ok(Ok(ReplyKind::Hit)), _) => ExchangeResult::Value,
        (Ok(Ok(ReplyKind::Miss)), _) => ExchangeResult::Miss,
        (Ok(Ok(ReplyKind::Done)), _) => ExchangeResult::Done,
        (Ok(Err(error)), _) => ExchangeResult::Failed(error.error_type()),
        (Err(Elapsed), _) => ExchangeResult::Failed(ErrorType::Timeout),
    }
}

/// Logs the first operation that failed because of this machine.
fn log_local_error(server: &str, error: &ConnError) {
    tracing::error!(server, %error, "no connection, and the node is not the cause; further such errors are only counted (type local)");
}

/// Logs the first refusal of a node in its own words.
fn log_refusal(server: &str, error: &ConnError) {
    tracing::warn!(server, %error, "memcached refused an operation; further refusals are only counted (type server_error)");
}

/// Logs the first value of a node that the lab did not write.
fn log_foreign_value(server: &str, request: Request<'_>) {
    let key = String::from_utf8_lossy(request.key());
    tracing::warn!(server, %key, "read a value that the lab did not write; such values count as right");
}

/// Logs the first wrong value of a run in detail.
fn log_wrong_value<C, R: Recorder>(
    server: &str,
    request: Request<'_>,
    wrong: WrongValue,
    connection: &PooledConnection<C, R>,
) {
    let (key, kind) = (String::from_utf8_lossy(request.key()), wrong.kind());
    let recent = &connection.exchange_log;
    tracing::error!(server, %kind, %key, found = %wrong, %recent, "wrong value read; further wrong values are only counted");
}
