//! The client stack under test, in the order of an operation: route -> breaker -> pool -> connection, under one deadline.
//! Each step has its own file. This file has their order, and the places of failover and retries in it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use metrics_core::labels::ErrorType;

use crate::recorder::{Event, Recorder};
use crate::stack::attempt::Attempt;
use crate::stack::conn::{Client, Reply, Request};
use crate::stack::context::{Failover, OwnConnections, StackContext};
use crate::stack::deadline::Deadline;
use crate::stack::node::Admission;
use crate::stack::operation::{ExchangeTimes, OperationOutcome, StartTimes};
use crate::stack::retry::may_repeat;
use crate::value::Verdict;

mod attempt;
pub(crate) mod breaker;
pub(crate) mod conn;
pub(crate) mod context;
pub(crate) mod deadline;
mod gate;
pub(crate) mod node;
pub(crate) mod notice;
pub(crate) mod operation;
pub(crate) mod pool;
pub(crate) mod reaper;
pub(crate) mod retry;
pub(crate) mod route;
pub(crate) mod window;

/// The client stack of one worker.
pub(crate) struct Stack<C: Client, R: Recorder> {
    context: Rc<StackContext<C, R>>,
    /// The connection that this worker used last, per node, while it is usable. Empty if workers share the connections.
    own: Rc<OwnConnections<C, R>>,
    deadline: Deadline,
}

impl<C: Client, R: Recorder> Stack<C, R> {
    /// Needs a tokio runtime around it.
    pub(crate) fn new(context: Rc<StackContext<C, R>>) -> Self {
        let own = Rc::new(RefCell::new(context.nodes.iter().map(|_| None).collect()));
        context.worker_connections.borrow_mut().push(Rc::downgrade(&own));
        Self { context, own, deadline: Deadline::new() }
    }

    /// Performs one request. `judge` gets the reply before the connection counts as usable, because most wrong values come
    /// from a connection that is out of step.
    pub(crate) async fn perform(
        &mut self,
        request: Request<'_>,
        begin: StartTimes,
        judge: impl Fn(Reply<'_>, ExchangeTimes) -> Verdict,
    ) -> OperationOutcome {
        let Self { context, own, deadline } = self;
        let (context, own, started) = (&**context, &**own, begin.actual);
        let (server, admission) = admit(context, request.key(), started);
        context.recorder.record(Event::Started { server });
        let Some(admission) = admission else {
            return OperationOutcome::refused(server, ErrorType::BreakerOpen, started);
        };

        let limit = started + context.timeouts.operation;
        let connected_by = begin.connected_by;
        let mut attempt = Attempt { context, own, deadline, server, started, connected_by, limit };
        let mut performed = attempt.perform(request, admission, &judge).await;
        let Some(budget) = &context.retries else { return performed };

        let mut attempts = 1;
        while let Err(error) = performed.result
            && performed.ended < limit
            && !performed.dropped
            && may_repeat(request.operation(), error, performed.write_outcome)
            && budget.borrow_mut().allows(attempts)
            && let (server, Some(admission)) = admit(context, request.key(), performed.ended)
        {
            record_repeat(&context.recorder, request, &performed, server);
            (attempt.server, attempt.started, attempt.connected_by) = (server, performed.ended, None);
            performed = attempt.perform(request, admission, &judge).await;
            attempts += 1;
        }
        budget.borrow_mut().pay_in();
        performed
    }
}

/// Route and breaker: the node for the key and its admission. If no breaker admits the request, the key's own node and
/// `None`.
fn admit<'a, C: Client, R: Recorder>(
    context: &'a StackContext<C, R>,
    key: &[u8],
    at: Instant,
) -> (usize, Option<Admission<'a>>) {
    let first = context.router.route(key);
    let mut server = first;
    loop {
        let admission = context.nodes[server].admit(context.thread, at);
        if admission.is_some() {
            return (server, admission);
        }
        context.recorder.record(Event::BreakerRejected { server });
        let next = match context.failover {
            Failover::None => None,
            Failover::Next => context.router.after(key, server),
        };
        match next {
            Some(next) => server = next,
            None => return (first, None),
        }
    }
}

fn record_repeat<R: Recorder>(recorder: &R, request: Request<'_>, failed: &OperationOutcome, next: usize) {
    if let Some(sent) = failed.sent {
        let service = failed.ended.saturating_duration_since(sent);
        let operation = request.operation();
        recorder.record(Event::Repeated { server: failed.server, operation, service });
    }
    if next != failed.server {
        recorder.record(Event::Moved { from: failed.server, to: next });
    }
}

#[cfg(test)]
mod tests;
