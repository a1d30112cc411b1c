//! Closes unused connections that have reached a time limit or that the peer has closed. The pool has these rules. Connections
//! in use are checked when they are taken.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::recorder::Recorder;
use crate::stack::conn::Client;
use crate::stack::context::StackContext;
use crate::stack::deadline::now;
use crate::stack::pool::PoolTimes;

/// The minimum and maximum interval. It is a quarter of the shortest time limit; without limits it is the maximum.
const PERIOD: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Checks the connections of a load thread until it is dropped. It runs beside the workers.
pub(crate) async fn reap<C: Client, R: Recorder>(context: &StackContext<C, R>) -> Infallible {
    loop {
        tokio::time::sleep(period(&context.pool_times)).await;
        reap_once(context, now());
    }
}

fn period(times: &PoolTimes) -> Duration {
    let shortest = times.idle.into_iter().chain(times.lifetime).min();
    shortest.map_or(PERIOD.1, |limit| (limit / 4).clamp(PERIOD.0, PERIOD.1))
}

fn reap_once<C: Client, R: Recorder>(context: &StackContext<C, R>, at: Instant) {
    context.pools.iter().for_each(|pool| pool.reap(&context.pool_times, at));
    // A connection in use is not in this list.
    for connections in context.worker_connections.borrow().iter().filter_map(std::rc::Weak::upgrade) {
        for own in connections.borrow_mut().iter_mut() {
            *own = own.take().and_then(|connection| connection.keep_if_usable(&context.pool_times, at));
        }
    }
}
