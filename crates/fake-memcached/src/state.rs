//! The state that all connections share, under one lock: the store, the lies, the order of events, and the held requests.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::request::MetaRequest;
use crate::schedule::Schedule;
use crate::store::{Requester, Store, Timestamp};

/// The effect of a [`FakeMemcached::release`](crate::FakeMemcached::release).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReleaseCounts {
    /// Held sets that have stored their value.
    pub late_writes: u64,
    /// Delayed replies that were sent to a connection that is still open. A client must not take them for the answer to
    /// another request.
    pub ghost_replies: u64,
    /// Delayed replies whose client has closed its connection.
    pub undelivered: u64,
}

/// A request that waits for a release.
pub(crate) struct HeldRequest {
    pub(crate) kind: HeldKind,
    pub(crate) requester: Requester,
    pub(crate) stream: Arc<TcpStream>,
}

pub(crate) enum HeldKind {
    /// Not executed.
    Set(MetaRequest),
    /// Executed, and its reply.
    Reply(Vec<u8>),
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) schedule: Schedule,
    /// In the order of the requests.
    pub(crate) held: Vec<HeldRequest>,
    pub(crate) late_reads: u64,
    pub(crate) connections: u64,
    pub(crate) streams: HashMap<u64, Arc<TcpStream>>,
    /// Connections that wait for the release of their reply.
    delayed: Vec<u64>,
    events: u64,
}

/// The current time.
pub(crate) fn timestamp() -> Timestamp {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp { now: Instant::now(), unix }
}

impl State {
    /// The number of the next event. Events with smaller numbers happened earlier.
    pub(crate) fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

#[derive(Default)]
pub(crate) struct Shared {
    state: Mutex<State>,
    released: Condvar,
    stop: AtomicBool,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Ends every connection, including those that wait for a release.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let state = self.state();
        for stream in state.streams.values() {
            let _ = stream.shutdown(std::net::Shutdown::Both); // it may have ended
        }
        self.released.notify_all();
    }

    /// Holds a reply until its release or the stop.
    pub(crate) fn wait_for_release(&self, mut state: MutexGuard<'_, State>, held: HeldRequest) {
        let connection = held.requester.connection;
        state.delayed.push(connection);
        state.held.push(held);
        while !self.stopped() && state.delayed.contains(&connection) {
            state = self.released.wait(state).unwrap_or_else(|poison| poison.into_inner());
        }
    }

    pub(crate) fn release(&self) -> ReleaseCounts {
        let mut counts = ReleaseCounts::default();
        let mut done = Vec::new();
        let mut replies = Vec::new();
        let mut state = self.state();
        for held in std::mem::take(&mut state.held) {
            match held.kind {
                HeldKind::Reply(ref reply) => replies.push((reply.clone(), held)),
                HeldKind::Set(request) => {
                    let outcome = state.store.execute(&request, held.requester, timestamp());
                    if let Some(written) = outcome.written {
                        state.store.mark_unacknowledged(&written);
                        counts.late_writes += 1;
                    }
                }
            }
        }
        drop(state); // without the lock: a client may be slow to read
        for (reply, held) in replies {
            let sent = is_open(&held.stream) && (&*held.stream).write_all(&reply).is_ok();
            counts.ghost_replies += u64::from(sent);
            counts.undelivered += u64::from(!sent);
            done.push(held.requester.connection);
        }
        self.state().delayed.retain(|connection| !done.contains(connection));
        self.released.notify_all();
        counts
    }
}

/// Whether the client has not closed its end.
pub(crate) fn is_open(stream: &TcpStream) -> bool {
    let mut byte = [0; 1];
    match rustix::net::recv(stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((read, _)) => read > 0,
        Err(error) => error == Errno::WOULDBLOCK,
    }
}

/// Makes the stream close with a reset when its last owner drops it.
pub(crate) fn reset(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO))?)
}
