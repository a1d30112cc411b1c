//! The floor: the cost of an operation when the client makes only the system calls. Edge-triggered epoll, requests prepared
//! before the run, replies counted by their bytes and not parsed, one outstanding request per connection. No client of the
//! same shape can be cheaper.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

use crate::cli::Load;
use crate::error::BenchError;
use crate::wire::{self, HIT, KEYS, STORED};

const SILENCE: Duration = Duration::from_secs(5);

struct Connection {
    stream: TcpStream,
    get: Vec<u8>,
    set: Vec<u8>,
    /// Grows by the percentage of sets with every operation; each full hundred is a set.
    toward_set: u32,
    /// Bytes of the reply that have not arrived.
    missing: usize,
}

/// Runs until a signal ends it, a connection fails or no reply arrives for 5 s.
pub(crate) fn run(load: &Load) -> Result<(), BenchError> {
    exchange(load).map_err(|source| BenchError::Node { address: load.address, source })
}

fn exchange(load: &Load) -> io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    let mut connections = Vec::new();
    for index in 0..load.connections {
        let connection = Connection::open(load, index)?;
        let data = EventData::new_u64(u64::from(index));
        epoll::add(&poll, &connection.stream, data, EventFlags::IN | EventFlags::ET)?;
        connections.push(connection);
    }
    for connection in &mut connections {
        connection.send(load.sets)?;
    }
    let silence = Timespec::try_from(SILENCE).map_err(io::Error::other)?;
    let mut events = Vec::with_capacity(connections.len());
    let mut buffer = [0; 4096];
    loop {
        if epoll::wait(&poll, spare_capacity(&mut events), Some(&silence))? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        for event in events.drain(..) {
            let connection = &mut connections[event.data.u64() as usize];
            // One read per edge is enough: nothing can follow a whole reply, and the rest of a reply makes a new edge.
            let count = connection.stream.read(&mut buffer)?;
            if count == 0 || count > connection.missing {
                return Err(io::Error::other(format!("{count} bytes instead of {}", connection.missing)));
            }
            connection.missing -= count;
            if connection.missing == 0 {
                connection.send(load.sets)?;
            }
        }
    }
}

impl Connection {
    fn open(load: &Load, index: u32) -> io::Result<Self> {
        let stream = TcpStream::connect(load.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let (get, set) = (wire::get(index % KEYS), wire::set(index % KEYS, ""));
        // Different starts, so that the connections do not all send their sets at once.
        Ok(Self { stream, get, set, toward_set: index * 37 % 100, missing: 0 })
    }

    fn send(&mut self, sets: u32) -> io::Result<()> {
        self.toward_set += sets;
        let (request, reply) = if self.toward_set >= 100 {
            self.toward_set -= 100;
            (&self.set, STORED)
        } else {
            (&self.get, HIT)
        };
        self.missing = reply;
        self.stream.write_all(request) // the send buffer is empty, so the request fits
    }
}
