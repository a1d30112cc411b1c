//! The client stack under test, in the order an operation passes it: route -> breaker -> pool -> connection, under one
//! deadline. What each step knows is in its own file; the order, and where failover and retries come in, are here.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use metrics_core::labels::ErrorType;

use crate::recorder::{Event, Recorder};
use crate::stack::attempt::Attempt;
use crate::stack::conn::{Client, Reply, Request};
use crate::stack::context::{Failover, Places, Shared};
use crate::stack::deadline::Deadline;
use crate::stack::node::Admission;
use crate::stack::operation::{Begin, Exchanged, Performed};
use crate::stack::retry::may_repeat;
use crate::value::Verdict;

mod attempt;
pub(crate) mod breaker;
pub(crate) mod conn;
pub(crate) mod context;
pub(crate) mod deadline;
mod gate;
pub(crate) mod node;
pub(crate) mod operation;
pub(crate) mod pool;
pub(crate) mod reaper;
pub(crate) mod retry;
pub(crate) mod route;
pub(crate) mod window;

/// One worker's way to the nodes.
pub(crate) struct Stack<C: Client, R: Recorder> {
    shared: Rc<Shared<C, R>>,
    /// The connection this worker used last, per node, while it is healthy; empty where connections are shared.
    own: Rc<Places<C, R>>,
    deadline: Deadline,
}

impl<C: Client, R: Recorder> Stack<C, R> {
    /// Needs a tokio runtime around it.
    pub(crate) fn new(shared: Rc<Shared<C, R>>) -> Self {
        let own = Rc::new(RefCell::new(shared.nodes.iter().map(|_| None).collect()));
        shared.owned.borrow_mut().push(Rc::downgrade(&own));
        Self { shared, own, deadline: Deadline::new() }
    }

    /// Performs one request. `judge` sees the reply before the connection counts as
    /// healthy: most wrong values are those of a connection out of step.
    pub(crate) async fn perform(
        &mut self,
        request: Request<'_>,
        begin: Begin,
        judge: impl Fn(Reply<'_>, Exchanged) -> Verdict,
    ) -> Performed {
        let Self { shared, own, deadline } = self;
        let (shared, own, started) = (&**shared, &**own, begin.actual);
        let (server, admission) = admit(shared, request.key(), started);
        shared.recorder.record(Event::Started { server });
        let Some(admission) = admission else {
            return Performed::refused(server, ErrorType::BreakerOpen, started);
        };

        let limit = started + shared.timeouts.operation;
        let connected_by = begin.connected_by;
        let mut attempt = Attempt { shared, own, deadline, server, started, connected_by, limit };
        let mut performed = attempt.perform(request, admission, &judge).await;
        let Some(budget) = &shared.retries else { return performed };

        let mut attempts = 1;
        while let Err(error) = performed.result
            && performed.ended < limit
            && !performed.dropped
            && may_repeat(request.operation(), error, performed.fate)
            && budget.borrow_mut().allows(attempts)
            && let (server, Some(admission)) = admit(shared, request.key(), performed.ended)
        {
            record_repeat(&shared.recorder, request, &performed, server);
            (attempt.server, attempt.started, attempt.connected_by) = (server, performed.ended, None);
            performed = attempt.perform(request, admission, &judge).await;
            attempts += 1;
        }
        budget.borrow_mut().pay_in();
        performed
    }
}

/// Route and breaker: the node to ask and its leave, or the key's own node without one.
fn admit<'a, C: Client, R: Recorder>(
    shared: &'a Shared<C, R>,
    key: &[u8],
    at: Instant,
) -> (usize, Option<Admission<'a>>) {
    let first = shared.router.route(key);
    let mut server = first;
    loop {
        let admission = shared.nodes[server].admit(shared.thread, at);
        if admission.is_some() {
            return (server, admission);
        }
        shared.recorder.record(Event::BreakerRejected { server });
        let next = match shared.failover {
            Failover::None => None,
            Failover::Next => shared.router.after(key, server),
        };
        match next {
            Some(next) => server = next,
            None => return (first, None),
        }
    }
}

fn record_repeat<R: Recorder>(recorder: &R, request: Request<'_>, failed: &Performed, next: usize) {
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
