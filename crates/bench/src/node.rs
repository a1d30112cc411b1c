//! A memcached with one thread: the server of every client under measurement, and the counter of their operations.

use std::io;
use std::net::SocketAddr;

use testkit::{Memcached, MemcachedConnection, MemcachedOptions};

use crate::error::BenchError;
use crate::wire::{self, KEYS};
use crate::{pinned, programs};

/// One thread, and room for the keys and for as many connections as any client makes.
const ARGUMENTS: [&str; 8] = ["-t", "1", "-m", "512", "-c", "20000", "-b", "4096"];

pub(crate) struct Node {
    memcached: Memcached,
    connection: MemcachedConnection,
}

/// What memcached counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) gets: u64,
    pub(crate) sets: u64,
    /// Open connections, including the one that reads these counters.
    pub(crate) connections: u64,
}

impl Counters {
    pub(crate) fn operations(&self) -> u64 {
        self.gets + self.sets
    }
}

impl Node {
    /// A memcached on the given CPU that holds the benchmark's keys.
    pub(crate) fn start(cpu: usize) -> Result<Self, BenchError> {
        programs::find("memcached")?; // with a hint how to get it
        let wrapper = pinned::wrapper(&[cpu])?.into();
        let arguments = ARGUMENTS.map(str::to_owned).into();
        let memcached = Memcached::start_with(MemcachedOptions { wrapper, arguments })?;
        let address = memcached.addr();
        let connection =
            MemcachedConnection::open(address).map_err(|source| BenchError::Node { address, source })?;
        let mut node = Self { memcached, connection };
        node.fill()?;
        Ok(node)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.memcached.addr()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.memcached.pid()
    }

    pub(crate) fn counters(&mut self) -> Result<Counters, BenchError> {
        if let Some((status, output)) = self.memcached.ended() {
            return Err(BenchError::Ended { program: "memcached".to_owned(), status, output });
        }
        self.read().map_err(|source| BenchError::Node { address: self.address(), source })
    }

    fn read(&mut self) -> io::Result<Counters> {
        let stats = self.connection.stats()?;
        let counter = |name: &str| {
            let number = stats.get(name).and_then(|value| value.parse().ok());
            number.ok_or_else(|| io::Error::other(format!("no number {name} in its statistics")))
        };
        Ok(Counters {
            gets: counter("cmd_get")?,
            sets: counter("cmd_set")?,
            connections: counter("curr_connections")?,
        })
    }

    fn fill(&mut self) -> Result<(), BenchError> {
        let address = self.address();
        let mut requests = Vec::new();
        for index in 0..KEYS {
            requests.extend_from_slice(&wire::set(index, " q")); // quiet: only a failure is answered
        }
        requests.extend_from_slice(b"mn\r\n");
        match self.connection.exchange(&requests) {
            Ok(reply) if reply == "MN" => Ok(()),
            Ok(reply) => Err(BenchError::Reply { address, what: format!("{reply:?} to a set") }),
            Err(source) => Err(BenchError::Node { address, source }),
        }
    }
}

/// loadgen's flag for these nodes.
pub(crate) fn servers_flag(nodes: &[Node]) -> String {
    let named: Vec<_> =
        nodes.iter().enumerate().map(|(index, node)| format!("bench{index}={}", node.address())).collect();
    format!("--servers {}", named.join(","))
}
