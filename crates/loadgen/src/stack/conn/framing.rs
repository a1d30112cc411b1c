//! The frames of the meta protocol on one TCP stream, with a limit on every length that the peer announces. `meta` has the
//! meaning of requests and replies.
//!
//! The transport of the `memcache` crate allocates what a reply announces, up to 1 GiB, reads a line without limit, and does
//! not report whether any byte of a request was sent. Here the buffer grows with the bytes that arrive, lines and values
//! have a maximum length, and data without a request is noticed before the next request.

use std::io;

use memcache::exp::{Error, MetaResponse, ReturnCode};
use metrics_core::labels::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stack::conn::ConnError;

/// The maximum length of a reply's first line. memcached's own lines are shorter: a key and a few flags.
const MAX_LINE: usize = 2_048;
/// The maximum length of a value: memcached's item limit, which is more than any value of the lab.
const MAX_VALUE: usize = 1 << 20;
/// Bytes to read at once. Most replies are shorter.
const BUFFER: usize = 2_048;
/// A larger buffer is freed after its use: otherwise each of thousands of connections could keep a large buffer.
const KEPT: usize = 16 * 1_024;
/// Bytes to reserve at once for an announced value. More are reserved as the bytes arrive.
const STEP: usize = 64 * 1_024;
const END: &[u8] = b"\r\n";
/// Bytes of an invalid reply that an error message shows.
const QUOTED: usize = 60;

/// One reply, without its meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) code: ReturnCode,
    /// Empty unless the code is [`ReturnCode::Va`].
    pub(crate) value: &'a [u8],
}

pub(crate) struct FramedStream {
    stream: TcpStream,
    /// The current request.
    request: Vec<u8>,
    /// The bytes received. Those before `start` are consumed.
    buffer: Vec<u8>,
    start: usize,
}

impl FramedStream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, request: Vec::new(), buffer: Vec::with_capacity(BUFFER), start: 0 }
    }

    /// Why the stream cannot be used again, if so. It reads from the socket only if the runtime knows that there is something
    /// to read, so most calls need no system call. A byte that was read is lost, but then the stream is unusable anyway.
    #[inline]
    pub(crate) fn unusable_reason(&self) -> Option<CloseReason> {
        if self.buffer.len() > self.start {
            return Some(CloseReason::Error);
        }
        match self.stream.try_read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Ok(0) | Err(_) => Some(CloseReason::Peer),
            Ok(_) => Some(CloseReason::Error),
        }
    }

    /// Sends the bytes that `encode` appends to the buffer: one or more requests. The caller must then receive their replies
    /// one by one.
    pub(crate) async fn send(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), ConnError>,
    ) -> Result<(), ConnError> {
        let unexpected = self.buffer.len() - self.start;
        if unexpected > 0 {
            return Err(ConnError::Protocol(format!("{unexpected} bytes without a request")));
        }
        self.start = 0;
        clear(&mut self.buffer);
        clear(&mut self.request);
        encode(&mut self.request)?;
        let mut sent = 0;
        while sent < self.request.len() {
            match self.stream.write(&self.request[sent..]).await {
                Ok(0) if sent == 0 => return Err(ConnError::NotSent(io::ErrorKind::WriteZero.into())),
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(count) => sent += count,
                Err(error) if sent == 0 => return Err(self.refusal().unwrap_or(ConnError::NotSent(error))),
                Err(error) => return Err(self.refusal().unwrap_or(error.into())),
            }
        }
        Ok(())
    }

    /// The refusal that memcached sent before it closed the connection, if it sent one.
    fn refusal(&mut self) -> Option<ConnError> {
        self.stream.try_read_buf(&mut self.buffer).ok()?;
        let line = self.buffer.split(|byte| *byte == b'\n').next()?;
        parse_header(line).err().filter(|error| matches!(error, ConnError::Refused(_)))
    }

    pub(crate) async fn receive(&mut self) -> Result<Frame<'_>, ConnError> {
        let line = self.read_line().await?;
        let parsed = parse_header(&self.buffer[self.start..line]);
        // An error message of memcached is a complete reply, so the stream stays in step.
        self.start = line + 1;
        let (code, length) = parsed?;
        let value = match length {
            Some(length) => self.read_value(length).await?,
            None => &[],
        };
        Ok(Frame { code, value })
    }

    /// Reads the next line and returns the position of its line feed.
    async fn read_line(&mut self) -> Result<usize, ConnError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(searched + at);
            }
            if self.buffer.len() - self.start > MAX_LINE {
                return Err(ConnError::Protocol(format!("line longer than {MAX_LINE} bytes")));
            }
            self.forget_consumed();
            searched = self.buffer.len();
            self.fill().await?;
        }
    }

    async fn read_value(&mut self, length: usize) -> Result<&[u8], ConnError> {
        let whole = length + END.len();
        if self.buffer.len() - self.start < whole {
            self.forget_consumed();
        }
        while self.buffer.len() - self.start < whole {
            self.buffer.reserve((whole - self.buffer.len()).min(STEP));
            self.fill().await?;
        }
        let (value, rest) = self.buffer[self.start..].split_at(length);
        self.start += whole;
        if rest.starts_with(END) {
            Ok(value)
        } else {
            Err(ConnError::Protocol("value does not end after its announced length".to_owned()))
        }
    }

    /// Removes the consumed bytes, so that the buffer does not grow with the number of replies.
    fn forget_consumed(&mut self) {
        self.buffer.drain(..self.start);
        self.start = 0;
    }

    async fn fill(&mut self) -> Result<(), ConnError> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }
}

fn clear(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT);
}

/// The return code, and the length of the value if one follows.
fn parse_header(line: &[u8]) -> Result<(ReturnCode, Option<usize>), ConnError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (token, rest) = match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[][..]),
    };
    let Ok(code) = ReturnCode::from_wire(token) else {
        // The crate parses error messages of memcached. Anything else may be any bytes.
        return Err(match MetaResponse::parse_header(line) {
            Err(Error::Server(message)) => ConnError::Server(quote(message.as_bytes())),
            // memcached sends a reason after `ERROR` only when it closes the connection: it has too many.
            _ if line.starts_with(b"ERROR ") => ConnError::Refused(quote(line)),
            Err(Error::Rejected(message)) => ConnError::Protocol(quote(message.as_bytes())),
            Err(_) | Ok(_) => ConnError::Protocol(format!("`{}` is not a memcached reply", quote(line))),
        });
    };
    if code != ReturnCode::Va {
        return Ok((code, None));
    }
    let digits = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok());
    match length {
        Some(length) if length <= MAX_VALUE => Ok((code, Some(length))),
        Some(length) => {
            Err(ConnError::Protocol(format!("value of {length} bytes, the maximum is {MAX_VALUE}")))
        }
        None => Err(ConnError::Protocol("value without a length".to_owned())),
    }
}

/// The first bytes of a reply, escaped for a terminal.
fn quote(bytes: &[u8]) -> String {
    let rest = if bytes.len() > QUOTED { "..." } else { "" };
    format!("{}{rest}", bytes[..bytes.len().min(QUOTED)].escape_ascii())
}

#[cfg(test)]
mod tests;
