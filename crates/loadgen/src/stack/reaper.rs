//! Closes connections that nobody asks for any more when their limits are reached or their peers have closed them: those
//! in use are looked at where they are taken. What ends a connection is the pool's matter.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use crate::recorder::Recorder;
use crate::stack::conn::Client;
use crate::stack::context::StackContext;
use crate::stack::deadline::now;
use crate::stack::pool::PoolTimes;

/// Between two looks: a quarter of the shortest limit, within these; without limits, the longer.
const PERIOD: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Looks at the connections of a load thread for ever. Runs beside its workers.
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
    // A connection in an exchange is not in its place.
    for places in context.worker_connections.borrow().iter().filter_map(std::rc::Weak::upgrade) {
        for place in places.borrow_mut().iter_mut() {
            *place = place.take().and_then(|connection| connection.keep_if_usable(&context.pool_times, at));
        }
    }
}
