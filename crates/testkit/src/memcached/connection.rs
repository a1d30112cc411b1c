//! A plain connection to memcached: raw requests and statistics, without the client under test.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to a memcached.
pub struct MemcachedConnection {
    stream: BufReader<TcpStream>,
}

impl MemcachedConnection {
    /// Connects.
    ///
    /// # Errors
    /// When the memcached does not accept.
    pub fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, CONNECT_TIMEOUT)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends requests and gives the first line of the reply, without its line break.
    ///
    /// # Errors
    /// When the memcached does not answer.
    pub fn exchange(&mut self, requests: &[u8]) -> io::Result<String> {
        self.stream.get_mut().write_all(requests)?;
        self.line()
    }

    /// The reply to `stats`, by name.
    ///
    /// # Errors
    /// When the memcached does not answer.
    pub fn stats(&mut self) -> io::Result<BTreeMap<String, String>> {
        let mut line = self.exchange(b"stats\r\n")?;
        let mut stats = BTreeMap::new();
        while line != "END" {
            if let Some((name, value)) = line.strip_prefix("STAT ").and_then(|stat| stat.split_once(' ')) {
                stats.insert(name.to_owned(), value.to_owned());
            }
            line = self.line()?;
        }
        Ok(stats)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
