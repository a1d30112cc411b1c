//! The client stack under test, in the order an operation passes it: route -> breaker -> pool -> connection, under one
//! deadline. What each step knows is in its own file; the order, and where failover and retries come in, are here.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics_core::labels::ErrorType;

use crate::ledger::{Fate, Ledger};
use crate::pacer::Cost;
use crate::recorder::{Event, Recorder};
use crate::stack::attempt::Attempt;
use crate::stack::conn::{Answered, Client, Reply, Request};
use crate::stack::deadline::Deadline;
use crate::stack::node::{Admission, Node};
use crate::stack::pool::{Kept, Pool, PoolTimes};
use crate::stack::retry::{Budget, may_repeat};
use crate::stack::route::Router;
use crate::value::Verdict;

mod attempt;
pub(crate) mod breaker;
pub(crate) mod conn;
pub(crate) mod deadline;
mod gate;
pub(crate) mod node;
pub(crate) mod pool;
pub(crate) mod reaper;
pub(crate) mod retry;
pub(crate) mod route;
pub(crate) mod window;

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts {
    /// One operation as a whole: all attempts, waiting for a connection and dialling included.
    pub(crate) operation: Duration,
    /// Dialling alone, within the operation's.
    pub(crate) connect: Duration,
}

/// Who serves a key while its node's breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Failover {
    /// Nobody: the operation fails at once.
    #[default]
    None,
    /// The node that would have the key if its own were gone. Stale values are to be expected when nodes change back.
    Next,
}

/// What the workers of one thread have in common.
pub(crate) struct Shared<C: Client, R: Recorder> {
    /// The thread's number.
    pub(crate) thread: usize,
    pub(crate) client: C,
    pub(crate) router: Router,
    pub(crate) nodes: Arc<[Node]>,
    /// One per node.
    pub(crate) pools: Vec<Pool<C::Connection, R>>,
    pub(crate) pool_times: PoolTimes,
    pub(crate) timeouts: Timeouts,
    pub(crate) failover: Failover,
    /// `None`: no operation is ever repeated.
    pub(crate) retries: Option<RefCell<Budget>>,
    pub(crate) recorder: R,
    pub(crate) ledger: Arc<Ledger>,
    /// The places of all workers, for the reaper.
    pub(crate) owned: RefCell<Vec<Weak<Places<C, R>>>>,
}

/// Where a worker keeps its connections, by node.
pub(crate) type Places<C, R> = RefCell<Vec<Kept<<C as Client>::Connection, R>>>;

/// One worker's way to the nodes.
pub(crate) struct Stack<C: Client, R: Recorder> {
    shared: Rc<Shared<C, R>>,
    /// The connection this worker used last, per node, while it is healthy; empty where connections are shared.
    own: Rc<Places<C, R>>,
    deadline: Deadline,
}

/// When an operation was meant to start and when it did.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begin {
    pub(crate) intended: Instant,
    pub(crate) actual: Instant,
    /// Open loop: without a connection by then it is given up, as if it had never started.
    pub(crate) connected_by: Option<Instant>,
}

impl Begin {
    /// An operation that nobody waited for.
    pub(crate) fn at(now: Instant) -> Self {
        Self { intended: now, actual: now, connected_by: None }
    }
}

/// An operation that ended, one way or the other.
#[derive(Debug)]
pub(crate) struct Performed {
    /// The node of the last attempt.
    pub(crate) server: usize,
    pub(crate) result: Result<Answered, ErrorType>,
    /// When the request was handed to the connection, if it got that far.
    pub(crate) sent: Option<Instant>,
    pub(crate) ended: Instant,
    /// What a write may have done.
    pub(crate) fate: Fate,
    /// Its time for getting a connection passed, and it got none: it counts as never started.
    pub(crate) dropped: bool,
}

impl Performed {
    fn refused(server: usize, error: ErrorType, ended: Instant) -> Self {
        Self { server, result: Err(error), sent: None, ended, fate: Fate::NoEffect, dropped: false }
    }

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
        let (server, admission) = shared.admit(request.key(), started);
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
            && let (server, Some(admission)) = shared.admit(request.key(), performed.ended)
        {
            shared.repeats(request, &performed, server);
            (attempt.server, attempt.started, attempt.connected_by) = (server, performed.ended, None);
            performed = attempt.perform(request, admission, &judge).await;
            attempts += 1;
        }
        budget.borrow_mut().pay_in();
        performed
    }
}

impl<C: Client, R: Recorder> Shared<C, R> {
    /// Route and breaker: the node to ask and its leave, or the key's own node without one.
    fn admit(&self, key: &[u8], at: Instant) -> (usize, Option<Admission<'_>>) {
        let first = self.router.route(key);
        let mut server = first;
        loop {
            let admission = self.nodes[server].admit(self.thread, at);
            if admission.is_some() {
                return (server, admission);
            }
            self.recorder.record(Event::BreakerRejected { server });
            let next = match self.failover {
                Failover::None => None,
                Failover::Next => self.router.after(key, server),
            };
            match next {
                Some(next) => server = next,
                None => return (first, None),
            }
        }
    }

    fn repeats(&self, request: Request<'_>, failed: &Performed, next: usize) {
        if let Some(sent) = failed.sent {
            let service = failed.ended.saturating_duration_since(sent);
            let operation = request.operation();
            self.recorder.record(Event::Repeated { server: failed.server, operation, service });
        }
        if next != failed.server {
            self.recorder.record(Event::Moved { from: failed.server, to: next });
        }
    }
}

#[cfg(test)]
mod tests;
