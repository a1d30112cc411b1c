//! What all connections of one liar share, under one lock: the store, the rules, the order of events, and what is held.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Instant, SystemTime};

use rustix::io::Errno;
use rustix::net::RecvFlags;

use crate::Released;
use crate::lie::Rules;
use crate::store::{Asker, Moment, Store};
use crate::wire::Keyed;

/// What waits for a release, in the order it was asked.
pub(crate) struct Held {
    pub(crate) what: Waiting,
    pub(crate) asker: Asker,
    pub(crate) stream: Arc<TcpStream>,
}

pub(crate) enum Waiting {
    Set(Keyed),
    Reply(Vec<u8>),
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) rules: Rules,
    pub(crate) held: Vec<Held>,
    pub(crate) late_reads: u64,
    pub(crate) connections: u64,
    pub(crate) streams: HashMap<u64, Arc<TcpStream>>,
    /// Connections that wait until their reply was released.
    delayed: Vec<u64>,
    events: u64,
}

/// The moment it is called.
pub(crate) fn moment() -> Moment {
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment { now: Instant::now(), unix }
}

impl World {
    /// The next moment. What has a smaller one happened earlier.
    pub(crate) fn tick(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

#[derive(Default)]
pub(crate) struct Shared {
    world: Mutex<World>,
    released: Condvar,
    stop: AtomicBool,
}

impl Shared {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Ends every connection, also those that wait.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        let world = self.world();
        for stream in world.streams.values() {
            let _ = stream.shutdown(std::net::Shutdown::Both); // it may be over already
        }
        self.released.notify_all();
    }

    /// Holds a reply and returns once it was released, or the liar stops.
    pub(crate) fn wait_for_release(&self, mut world: MutexGuard<'_, World>, held: Held) {
        let connection = held.asker.connection;
        world.delayed.push(connection);
        world.held.push(held);
        while !self.stopped() && world.delayed.contains(&connection) {
            world = self.released.wait(world).unwrap_or_else(|poison| poison.into_inner());
        }
    }

    pub(crate) fn release(&self) -> Released {
        let mut released = Released::default();
        let mut sent = Vec::new();
        let mut replies = Vec::new();
        let mut world = self.world();
        for held in std::mem::take(&mut world.held) {
            match held.what {
                Waiting::Reply(ref reply) => replies.push((reply.clone(), held)),
                Waiting::Set(request) => {
                    let outcome = world.store.execute(&request, held.asker, moment());
                    if let Some(written) = outcome.written {
                        world.store.unanswered(&written);
                        released.late_writes += 1;
                    }
                }
            }
        }
        drop(world); // a client may be slow to read
        for (reply, held) in replies {
            let heard = is_open(&held.stream) && (&*held.stream).write_all(&reply).is_ok();
            released.ghosts += u64::from(heard);
            released.unheard += u64::from(!heard);
            sent.push(held.asker.connection);
        }
        self.world().delayed.retain(|connection| !sent.contains(connection));
        self.released.notify_all();
        released
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

/// Closes with a reset, as soon as the last owner of the stream lets go of it.
pub(crate) fn reset(stream: &TcpStream) -> io::Result<()> {
    Ok(rustix::net::sockopt::set_socket_linger(stream, Some(std::time::Duration::ZERO))?)
}
