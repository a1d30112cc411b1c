//! A memcached with one thread: what every client under measurement talks to, and what counts their operations.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{io, ops};

use crate::child::Child;
use crate::error::BenchError;
use crate::wire::{self, KEYS};
use crate::{programs, wait};

const PATIENCE: Duration = Duration::from_secs(5);
// Below the range from which the kernel takes the ports of outgoing connections, so that none of them is in the way.
const PORTS: ops::Range<u16> = 23_200..24_200;

pub(crate) struct Node {
    address: SocketAddr,
    process: Child,
    stats: BufReader<TcpStream>,
}

/// What memcached counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) gets: u64,
    pub(crate) sets: u64,
    /// Open connections, the one that asks included.
    pub(crate) connections: u64,
    pid: u64,
}

impl Counters {
    pub(crate) fn operations(&self) -> u64 {
        self.gets + self.sets
    }
}

impl Node {
    /// An own memcached on a free port and the given CPU, filled with the benchmark's keys.
    pub(crate) fn start(cpu: usize) -> Result<Self, BenchError> {
        let program = programs::find("memcached")?;
        let address = free_address()?;
        let port = address.port().to_string();
        let mut args = vec![
            "-t",
            "1",
            "-l",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "0",
            "-m",
            "512",
            "-c",
            "20000",
            "-b",
            "4096",
        ];
        if rustix::process::geteuid().is_root() {
            args.extend(["-u", "root"]); // it refuses to guess
        }
        let mut process =
            Child::start("memcached", program.as_os_str(), args.iter().map(OsStr::new), &[cpu])?;
        let pid = u64::from(process.pid());
        let mut connected = None;
        let answers = wait::holds_within(PATIENCE, || {
            process.must_run()?;
            connected = connect(address).ok();
            // Another process may have been faster on this port.
            Ok(connected
                .as_mut()
                .is_some_and(|stats| read_stats(stats).is_ok_and(|counters| counters.pid == pid)))
        })?;
        let Some(stats) = connected.filter(|_| answers) else {
            return Err(BenchError::Late {
                program: "memcached".to_owned(),
                condition: "an answer",
                limit: PATIENCE,
            });
        };
        let mut node = Self { address, process, stats };
        node.fill()?;
        Ok(node)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    pub(crate) fn counters(&mut self) -> Result<Counters, BenchError> {
        self.process.must_run()?;
        read_stats(&mut self.stats).map_err(|source| BenchError::Node { address: self.address, source })
    }

    fn fill(&mut self) -> Result<(), BenchError> {
        let address = self.address;
        let failed = |source| BenchError::Node { address, source };
        let mut requests = Vec::new();
        for index in 0..KEYS {
            requests.extend_from_slice(&wire::set(index, " q")); // quiet: only a failure is answered
        }
        requests.extend_from_slice(b"mn\r\n");
        self.stats.get_mut().write_all(&requests).map_err(failed)?;
        let mut line = String::new();
        self.stats.read_line(&mut line).map_err(failed)?;
        if line == "MN\r\n" {
            Ok(())
        } else {
            Err(BenchError::Answer { address, what: format!("{:?} to a set", line.trim_end()) })
        }
    }
}

/// A loopback address that nobody listens on now.
pub(crate) fn free_address() -> Result<SocketAddr, BenchError> {
    let first = fastrand::u16(PORTS);
    (first..PORTS.end)
        .chain(PORTS.start..first)
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or(BenchError::Ports)
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn read_stats(stream: &mut BufReader<TcpStream>) -> io::Result<Counters> {
    stream.get_mut().write_all(b"stats\r\n")?;
    let mut counters = Counters::default();
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut words = line.split_ascii_whitespace();
        let field = match (words.next(), words.next()) {
            (Some("END"), _) => return Ok(counters),
            (_, Some("pid")) => &mut counters.pid,
            (_, Some("cmd_get")) => &mut counters.gets,
            (_, Some("cmd_set")) => &mut counters.sets,
            (_, Some("curr_connections")) => &mut counters.connections,
            _ => continue,
        };
        let number = words.next().and_then(|word| word.parse().ok());
        *field = number.ok_or(io::ErrorKind::InvalidData)?;
    }
}

/// loadgen's flag for these nodes.
pub(crate) fn servers_flag(nodes: &[Node]) -> String {
    let named: Vec<_> =
        nodes.iter().enumerate().map(|(index, node)| format!("bench{index}={}", node.address)).collect();
    format!("--servers {}", named.join(","))
}
