//! A memcached stand-in that lies on demand and counts its lies, to prove that a client notices. It runs in the
//! test's own process and speaks as much of the meta protocol as plain keys need (`mg`, `ms`, `md`, `ma`, `mn`);
//! where it does not lie it answers as memcached does.
//!
//! What a lie needs to be one is written at each [`Lie`]; what is no lie is answered honestly and not counted.
//! A lie counts when it was handed to the connection in full; one that could not be sent is told to a later request
//! instead. The counts are exact for clients that have one request at a time on a connection, as the order of
//! events between connections is read off their requests.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper fails by panicking"
)]

mod connection;
mod forge;
mod lie;
mod store;
mod wire;
mod world;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use connection::Connection;
pub use lie::{Lie, When};
use world::{Shared, Waiting, is_open};

/// The lying stand-in, on a free loopback port until dropped.
pub struct Liar {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What [`Liar::release`] let go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    /// Held sets that stored their value.
    pub late_writes: u64,
    /// Delayed replies sent to a client that still had its connection open: it must not take them for an answer.
    pub ghosts: u64,
    /// Delayed replies whose client was gone.
    pub unheard: u64,
}

impl Liar {
    /// Starts one that is honest until told otherwise.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        let accepting = Some(thread::spawn(move || accept(&listener, &server)));
        Self { addr, shared, accepting }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From now on tells this lie when it is due. Rules add up; the first that is due takes the request.
    ///
    /// # Panics
    /// On `When::Every(0)`.
    #[track_caller]
    pub fn tell(&self, lie: Lie, when: When) {
        assert_ne!(when, When::Every(0), "every 0th {lie:?} is never told");
        self.shared.world().rules.add(lie, when);
    }

    /// Tells no further lie. What is held stays held, and the counts stay.
    pub fn be_honest(&self) {
        self.shared.world().rules.clear();
    }

    /// How often this lie was told. `HoldSet`, `Delay` and `HalfOpen` count when the silence begins.
    pub fn told(&self, lie: Lie) -> u64 {
        self.shared.world().rules.told(lie)
    }

    /// Applies the held sets and sends the delayed replies, in the order they were asked. No held set is ever
    /// answered: a client that still waits for it waits on.
    pub fn release(&self) -> Released {
        self.shared.release()
    }

    /// Held sets and delayed replies that wait for a release.
    pub fn holding(&self) -> usize {
        self.shared.world().held.len()
    }

    /// Those of [`Liar::holding`] whose client has closed its connection: a release now is certain to be late.
    pub fn abandoned(&self) -> usize {
        self.shared.world().held.iter().filter(|held| !is_open(&held.stream)).count()
    }

    /// Those of [`Liar::holding`] that are sets.
    pub fn held_sets(&self) -> usize {
        self.shared.world().held.iter().filter(|held| matches!(held.what, Waiting::Set(_))).count()
    }

    /// Gets answered in truth with a value whose write was never answered, or not as it was due: the client must
    /// take each for a late write.
    pub fn late_reads(&self) -> u64 {
        self.shared.world().late_reads
    }

    /// What an honest get of the key would return.
    pub fn value(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let world = self.shared.world();
        world.store.present(key.as_ref(), Instant::now()).map(|present| present.now.value.clone())
    }

    /// Every value the key ever had, oldest first.
    pub fn history(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        let world = self.shared.world();
        world.store.history(key.as_ref()).iter().map(|version| version.value.clone()).collect()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.world().connections
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.shared.stop();
        let _ = TcpStream::connect(self.addr); // wakes the accepting thread
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join(); // it ends, or it panicked and said so
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut serving: Vec<JoinHandle<()>> = Vec::new();
    for stream in listener.incoming().flatten() {
        if shared.stopped() {
            break;
        }
        serving.retain(|thread| !thread.is_finished());
        if let Ok(connection) = Connection::open(Arc::clone(shared), stream) {
            serving.push(thread::spawn(move || connection.serve()));
        }
    }
    shared.stop(); // also those that were accepted while the stop was on its way
    for thread in serving {
        let _ = thread.join();
    }
}
