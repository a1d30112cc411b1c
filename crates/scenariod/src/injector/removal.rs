//! Removes toxics and reads back until they are gone: runs, the preflight, the guard and `clean` all remove in this way. A
//! removal takes a bounded time, whatever Toxiproxy does. Its callers decide which toxics have to go.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::residue::{Residue, Role, Suspect};
use crate::toxiproxy::{Client, Power, ToxiproxyError};

/// The pause after the second round. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The shortest limit of a call: the last calls before the deadline get this much time as well.
const SHORTEST_CALL: Duration = Duration::from_millis(500);

/// When a removal gives up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RemovalLimit {
    /// At this moment.
    Deadline(Instant),
    /// After this many rounds, each of which may take this long.
    Rounds { count: u32, length: Duration },
}

/// What Toxiproxy was read to hold of the toxics that have to go.
#[derive(Debug)]
pub(crate) struct ReadBack {
    /// What is left, in the order of removal.
    pub(crate) left: Vec<Suspect>,
    pub(crate) next: NextStep,
    /// Why it could not be read.
    pub(crate) error: Option<ToxiproxyError>,
}

/// What follows from reading back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Nothing is left and nothing can come back.
    Finish,
    /// Remove what is left, then read back. With nothing left: only read back.
    Remove,
    /// Calls cannot help now: only read back.
    Wait,
    GiveUp,
}

/// The toxics that one removal is about.
pub(crate) trait Removal {
    type Error: From<Residue>;

    /// Reads what is left.
    fn read_back(&mut self) -> impl Future<Output = Result<ReadBack, Self::Error>> + Send;

    /// Called before each round with what is left and the last error.
    fn before_round(&mut self, _left: &[Suspect], _cause: Option<&ToxiproxyError>) {}
}

impl ReadBack {
    /// For toxics that nothing brings back once they are gone.
    pub(crate) fn of_suspects(left: Vec<Suspect>) -> ReadBack {
        let next = if left.is_empty() { NextStep::Finish } else { NextStep::Remove };
        ReadBack { left, next, error: None }
    }
}

impl RemovalLimit {
    /// When the calls of this round have to be over. `None`: there is no further round.
    fn round_deadline(self, round: u32) -> Option<Instant> {
        let now = Instant::now();
        match self {
            RemovalLimit::Deadline(deadline) => (now < deadline).then_some(deadline),
            RemovalLimit::Rounds { count, length } => (round <= count).then(|| now + length),
        }
    }
}

/// Removes and reads back until nothing is left. `first` is the first reading. At the limit it gives up, unless only an
/// unanswered call is waited for.
pub(crate) async fn remove_until_gone<R: Removal>(
    client: &Client,
    removal: &mut R,
    first: ReadBack,
    limit: RemovalLimit,
) -> Result<(), R::Error> {
    let (mut read, mut cause, mut pause) = (first, None, FIRST_PAUSE);
    for round in 1.. {
        let ReadBack { left, next, error } = read;
        if next == NextStep::Finish {
            break;
        }
        cause = error.or(cause);
        let deadline = limit.round_deadline(round);
        if (next == NextStep::GiveUp || deadline.is_none()) && !left.is_empty() {
            return Err(Residue { toxics: left, api: client.address().clone(), cause }.into());
        }
        removal.before_round(&left, cause.as_ref());
        if let (NextStep::Remove, Some(deadline)) = (next, deadline) {
            cause = remove_once(client, &left, deadline).await.or(cause);
        }
        // The first reading back follows at once: most removals succeed.
        if round > 1 || next == NextStep::Wait {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        read = removal.read_back().await?;
    }
    Ok(())
}

/// Tries once to remove each toxic, on all proxies at the same time. Gives the last error.
pub(super) async fn remove_once(
    client: &Client,
    suspects: &[Suspect],
    deadline: Instant,
) -> Option<ToxiproxyError> {
    let mut chains: BTreeMap<&str, Vec<Suspect>> = BTreeMap::new();
    for suspect in suspects {
        chains.entry(&suspect.server).or_default().push(suspect.clone());
    }
    let mut calls = JoinSet::new();
    for chain in chains.into_values() {
        let (client, chain) = (client.clone(), removal_order(chain));
        calls.spawn(async move { remove_chain(&client, &chain, deadline).await });
    }
    let mut failed = None;
    while let Some(ended) = calls.join_next().await {
        failed = ended.unwrap_or_default().or(failed);
    }
    failed
}

/// Orders the toxics of one proxy, given with the last one first, so that removal does not wedge Toxiproxy: toxics that
/// close connections come last.
fn removal_order(chain: Vec<Suspect>) -> Vec<Suspect> {
    let (closing, mut order): (Vec<Suspect>, Vec<Suspect>) =
        chain.into_iter().partition(|suspect| suspect.role == Role::Closing);
    order.extend(closing.into_iter().rev());
    order
}

/// Removes the toxics of one proxy one by one. It ends after a call without an answer, which still holds the lock that the
/// next call needs.
async fn remove_chain(client: &Client, chain: &[Suspect], deadline: Instant) -> Option<ToxiproxyError> {
    let mut failed = None;
    for Suspect { server, toxic, role } in chain {
        let client = limit_calls(client, deadline);
        if *role == Role::Marker
            && let Err(error) = client.set_power(server, Power::Enabled).await
        {
            tracing::warn!(%error, "cannot enable a proxy");
            failed = Some(error);
            continue;
        }
        if let Err(error) = client.remove_toxic(server, toxic).await {
            tracing::warn!(%error, "cannot remove a toxic");
            let silent = matches!(error, ToxiproxyError::TimedOut { .. } | ToxiproxyError::Connect { .. });
            failed = Some(error);
            if silent {
                break;
            }
        }
    }
    failed
}

/// A client whose calls end at the deadline.
pub(super) fn limit_calls(client: &Client, deadline: Instant) -> Client {
    client.with_limit(deadline.saturating_duration_since(Instant::now()).max(SHORTEST_CALL))
}
