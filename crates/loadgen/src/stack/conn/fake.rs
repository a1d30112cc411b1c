//! A scripted client for tests. Each exchange performs the next act of the script, and everything is counted.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use metrics_core::labels::CloseReason;
use rustix::io::Errno;
use tokio::time::{Duration, sleep};

use crate::stack::conn::{Client, ConnError, Connection, Item, Reply, Request, dial_error};

/// The behaviour of one exchange.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Answer(Reply<'static>),
    Hang,
    Break,
    Refuse,
    /// The connection broke before the request was sent.
    NotSent,
    /// Replies after this time.
    After(Duration, Reply<'static>),
}

#[derive(Debug, Default)]
pub(crate) struct Script {
    acts: VecDeque<Act>,
    /// The addresses of all dials, the number of open connections, and its maximum.
    pub(crate) dialled: Vec<String>,
    pub(crate) open: usize,
    pub(crate) most_open: usize,
    /// The number of the connection that served each exchange, in the order of dialling.
    pub(crate) served_by: Vec<usize>,
    pub(crate) refuse_dials: bool,
    /// An address that refuses dials.
    pub(crate) down: Option<String>,
    pub(crate) hang_dials: bool,
    /// This machine has no descriptors left.
    pub(crate) no_descriptors: bool,
    /// Connections that cannot be used again, by their number, with the reason.
    pub(crate) unusable: HashMap<usize, CloseReason>,
}

impl Script {
    fn refuses(&self, address: &str) -> bool {
        self.refuse_dials || self.down.as_deref() == Some(address)
    }
}

/// Replies with [`Reply::Done`] when the script is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeClient(Arc<Mutex<Script>>);

impl FakeClient {
    pub(crate) fn with(acts: impl IntoIterator<Item = Act>) -> Self {
        let client = Self::default();
        client.script().acts.extend(acts);
        client
    }

    /// Separate from `dial`, so that no lock is held while `dial` waits.
    fn hangs_dials(&self) -> bool {
        self.script().hang_dials
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap()
    }
}

impl Client for FakeClient {
    type Connection = FakeConnection;

    async fn dial(&self, address: &str) -> Result<FakeConnection, ConnError> {
        if self.hangs_dials() {
            std::future::pending::<()>().await;
        }
        if self.script().no_descriptors {
            return Err(dial_error(Errno::MFILE.into()));
        }
        if self.script().refuses(address) {
            return Err(io::Error::from(io::ErrorKind::ConnectionRefused).into());
        }
        let mut script = self.script();
        script.dialled.push(address.to_owned());
        script.open += 1;
        script.most_open = script.most_open.max(script.open);
        Ok(FakeConnection { client: self.clone(), number: script.dialled.len() - 1 })
    }
}

pub(crate) struct FakeConnection {
    client: FakeClient,
    number: usize,
}

impl Drop for FakeConnection {
    fn drop(&mut self) {
        self.client.script().open -= 1;
    }
}

impl Connection for FakeConnection {
    async fn exchange(&mut self, _: Request<'_>) -> Result<Reply<'_>, ConnError> {
        let act = {
            let mut script = self.client.script();
            script.served_by.push(self.number);
            script.acts.pop_front().unwrap_or(Act::Answer(Reply::Done))
        };
        match act {
            Act::Answer(reply) => Ok(reply),
            Act::After(wait, reply) => {
                sleep(wait).await;
                Ok(reply)
            }
            Act::Hang => std::future::pending().await,
            Act::Break => Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            Act::NotSent => Err(ConnError::NotSent(io::ErrorKind::BrokenPipe.into())),
            Act::Refuse => Err(ConnError::Server("out of memory storing object".to_owned())),
        }
    }

    fn unusable_reason(&self) -> Option<CloseReason> {
        self.client.script().unusable.get(&self.number).copied()
    }

    async fn ping(&mut self) -> Result<(), ConnError> {
        Ok(())
    }

    async fn store_all(&mut self, _: &[Item]) -> Result<(), ConnError> {
        Ok(())
    }
}
