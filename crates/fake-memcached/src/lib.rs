//! A memcached that gives wrong, late or broken answers on request and counts them, to check that a client notices them. It
//! runs on threads of the calling process and has no dependency on a test framework. It knows as much of the meta protocol
//! as plain keys need (`mg`, `ms`, `md`, `ma`, `mn`). Without a lie it answers as memcached does.
//!
//! [`Lie`] describes each lie and what it needs. A request that does not give a lie what it needs gets an honest answer,
//! which is not counted. A lie counts once all of its bytes are given to the connection; when that fails, a later request
//! gets the lie. The counts are exact for clients with one request at a time on a connection, because the order of
//! events between connections is derived from their requests.
//!
//! ```
//! use std::io::{Read, Write};
//! use std::net::TcpStream;
//!
//! use fake_memcached::{FakeMemcached, Lie, When};
//!
//! let server = FakeMemcached::start()?;
//! server.add_lie(Lie::Cut, When::Times(1));
//! let mut client = TcpStream::connect(server.addr())?;
//! client.write_all(b"ms key 4\r\nabcd\r\nmg key v\r\n")?;
//! let mut reply = [0; b"HD\r\nVA 2\r\nab\r\n".len()];
//! client.read_exact(&mut reply)?;
//! assert_eq!(&reply, b"HD\r\nVA 2\r\nab\r\n");
//! assert_eq!(server.lie_count(Lie::Cut), 1);
//! # std::io::Result::Ok(())
//! ```

mod connection;
mod forge;
mod lie;
mod request;
mod schedule;
mod state;
mod store;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use connection::Connection;
pub use lie::{Lie, When};
pub use state::ReleaseCounts;
use state::{HeldKind, Shared, is_open};

/// A fake memcached on a free loopback port. It serves until dropped.
pub struct FakeMemcached {
    addr: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl FakeMemcached {
    /// Starts an honest one.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let server = Arc::clone(&shared);
        let accepting = thread::Builder::new().spawn(move || accept(&listener, &server))?;
        Ok(Self { addr, shared, accepting: Some(accepting) })
    }

    /// The address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds a lie for the requests from now on. Several lies can be active: the first one that is due takes the request.
    pub fn add_lie(&self, lie: Lie, when: When) {
        self.shared.state().schedule.add(lie, when);
    }

    /// Removes all lies. Held requests stay held, and the counts stay.
    pub fn clear_lies(&self) {
        self.shared.state().schedule.clear();
    }

    /// How often this lie was given. `HoldSet`, `Delay` and `HalfOpen` count when the client's waiting begins.
    pub fn lie_count(&self, lie: Lie) -> u64 {
        self.shared.state().schedule.count(lie)
    }

    /// Executes the held sets and sends the delayed replies, in the order of their requests. A held set gets no answer, also
    /// after its release.
    pub fn release(&self) -> ReleaseCounts {
        self.shared.release()
    }

    /// The number of held sets and delayed replies.
    pub fn held_count(&self) -> usize {
        self.shared.state().held.len()
    }

    /// The held sets and delayed replies whose client has closed its connection. To that client a release is late.
    pub fn abandoned_count(&self) -> usize {
        self.shared.state().held.iter().filter(|held| !is_open(&held.stream)).count()
    }

    /// The number of held sets.
    pub fn held_set_count(&self) -> usize {
        self.shared.state().held.iter().filter(|held| matches!(held.kind, HeldKind::Set(_))).count()
    }

    /// Honest gets of a value whose set was not acknowledged correctly. A client must see each of them as a late write.
    pub fn late_read_count(&self) -> u64 {
        self.shared.state().late_reads
    }

    /// The value that an honest get of the key returns.
    pub fn value(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        let state = self.shared.state();
        state.store.item(key.as_ref(), Instant::now()).map(|item| item.current.value.clone())
    }

    /// Every value that the key had, oldest first.
    pub fn history(&self, key: impl AsRef<[u8]>) -> Vec<Vec<u8>> {
        let state = self.shared.state();
        state.store.history(key.as_ref()).iter().map(|version| version.value.clone()).collect()
    }

    /// The number of connections accepted so far.
    pub fn connection_count(&self) -> u64 {
        self.shared.state().connections
    }
}

impl Drop for FakeMemcached {
    fn drop(&mut self) {
        self.shared.stop();
        let _ = TcpStream::connect(self.addr); // wakes the accepting thread
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join(); // an error is a panic, which has printed its message
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
    shared.stop(); // also stops the connections that were accepted during the first stop
    for thread in serving {
        let _ = thread.join();
    }
}
