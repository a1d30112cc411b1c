//! A real memcached.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::ports;
use crate::process::{Process, Shared, launch};
use crate::programs::program;

/// A memcached on a free loopback port, killed on drop.
pub struct Memcached {
    addr: SocketAddr,
    process: Shared,
}

impl Memcached {
    /// Starts one; it answers when this returns.
    #[track_caller]
    pub fn start() -> Self {
        let (addr, process) = run(|| ports::reserve().addr);
        Self { addr, process: Shared::new(process) }
    }

    /// Where it listens; a restart keeps it.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process number of the memcached that runs now.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// SIGKILL: connections are reset, later ones are refused.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Kills it where it runs and starts an empty one on the same port.
    #[track_caller]
    pub fn restart(&self) {
        self.process.restart(|| run(|| self.addr).1);
    }

    /// SIGSTOP: connections are accepted by the kernel and never answered.
    pub fn pause(&self) {
        self.process.pause();
    }

    /// Ends a pause.
    pub fn resume(&self) {
        self.process.resume();
    }

    /// The answer to `stats`.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn stats(&self) -> BTreeMap<String, String> {
        stats(self.addr).unwrap_or_else(|error| panic!("memcached {} does not answer: {error}", self.addr))
    }
}

#[track_caller]
fn run(port: impl Fn() -> SocketAddr) -> (SocketAddr, Process) {
    let plan = || {
        let addr = port();
        let mut command = Command::new(program("memcached"));
        command.args([
            "-l",
            &addr.ip().to_string(),
            "-p",
            &addr.port().to_string(),
            "-U",
            "0",
            "-m",
            "64",
            "-c",
            "4096",
        ]);
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "root"]); // it refuses to guess, and another user would untie it from the test's life
        }
        (addr, command)
    };
    // The answer must be that of our process, not of another test's that was faster on this port.
    launch("memcached", plan, |addr, pid| {
        stats(*addr).is_ok_and(|stats| stats.get("pid") == Some(&pid.to_string()))
    })
}

fn stats(addr: SocketAddr) -> io::Result<BTreeMap<String, String>> {
    let mut stream = TcpStream::connect_timeout(&addr, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    stream.write_all(b"stats\r\n")?;
    let mut text = Vec::new();
    while !text.ends_with(b"END\r\n") {
        let mut part = [0; 4096];
        match stream.read(&mut part)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => text.extend_from_slice(&part[..n]),
        }
    }
    let line = |line: &str| {
        line.strip_prefix("STAT ")?
            .split_once(' ')
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
    };
    Ok(String::from_utf8_lossy(&text).lines().filter_map(line).collect())
}
