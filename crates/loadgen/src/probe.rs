//! Sends a small share of reads to each address of a node, on connections of its own, and measures them. The two addresses
//! differ only in the way to the node, so the difference of their times is what the way adds. The client stack is not used.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::keys::Key;
use crate::plan::{LoadPlan, Pace};
use crate::stack::conn::{Client, Connection, Request};
use crate::stack::route::Router;

/// The shortest and the longest time between two probes of one address.
const PERIOD: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// Operations of the load per probe of one address, if the load is slow enough for that to matter.
const OPERATIONS_PER_PROBE: f64 = 100.0;

/// The time between two probes of one address: each address gets at most 1% of what its node gets from the load.
pub(crate) fn period(load: &LoadPlan, nodes: usize) -> Duration {
    let rate = match &load.pace {
        Pace::Closed(_) => return PERIOD.0,
        Pace::Open { profile, .. } => profile.rate(Duration::ZERO),
    };
    let seconds = OPERATIONS_PER_PROBE * nodes as f64 / rate;
    Duration::try_from_secs_f64(seconds).unwrap_or(PERIOD.1).clamp(PERIOD.0, PERIOD.1)
}

/// A key of this node: the most popular one that was stored before the load starts, if there is one.
pub(crate) fn key_of(node: usize, router: &Router, warm_up: u64) -> Vec<u8> {
    let mut text = Vec::new();
    for index in 0..warm_up {
        Key::Item(index).write(&mut text);
        if router.route(&text) == node {
            return text;
        }
    }
    // A read of a missing key takes the same way.
    Key::Item(0).write(&mut text);
    text
}

/// Reads `key` at `address` until it is dropped, and passes on how long each read took. A read that fails counts with the time
/// until it failed. A connection that cannot be opened counts as no read.
pub(crate) async fn probe<C: Client>(
    client: &C,
    address: &str,
    key: &[u8],
    limits: Limits,
    mut pass: impl FnMut(Duration),
) -> Infallible {
    let mut ticks = interval(limits.period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut connection: Option<C::Connection> = None;
    loop {
        ticks.tick().await;
        let usable = connection.take().filter(|connection| connection.unusable_reason().is_none());
        let mut open = match usable {
            Some(open) => open,
            None => match timeout(limits.connect, client.dial(address)).await {
                Ok(Ok(opened)) => opened,
                Ok(Err(_)) | Err(_) => continue,
            },
        };
        let began = Instant::now();
        let read = timeout(limits.operation, open.exchange(Request::Get { key })).await;
        pass(began.elapsed());
        let in_step = matches!(read, Ok(Ok(_)));
        connection = in_step.then_some(open);
    }
}

/// The times of a probe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) period: Duration,
    pub(crate) connect: Duration,
    pub(crate) operation: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::conn::Reply;
    use crate::stack::conn::fake::{Act, FakeClient};

    const LIMITS: Limits = Limits {
        period: Duration::from_millis(10),
        connect: Duration::from_millis(50),
        operation: Duration::from_millis(50),
    };

    #[tokio::test]
    async fn a_probe_that_fails_counts_and_gets_a_new_connection() {
        let acts = [Act::Answer(Reply::Miss), Act::Hang, Act::Answer(Reply::Miss), Act::Break];
        let client = FakeClient::with(acts);
        let mut took = Vec::new();
        {
            let probing = probe(&client, "node:1", b"key", LIMITS, |time| took.push(time));
            let _ = timeout(Duration::from_millis(400), probing).await;
        }
        assert!(took.len() >= 5, "{took:?}");
        assert!(took[1] >= LIMITS.operation && took[0] < LIMITS.operation, "{took:?}");
        assert_eq!(client.script().dialled, ["node:1"; 3]);
    }

    #[test]
    fn a_key_belongs_to_its_node() {
        let router = Router::new(["a", "b", "c"]);
        for node in 0..3 {
            assert_eq!(router.route(&key_of(node, &router, 1_000)), node);
        }
    }
}
