//! The meta protocol's frames on one TCP stream, with a bound on everything the other end announces. What a request or
//! a reply means is in `meta`.
//!
//! The crate's own transport allocates what a reply announces, up to 1 GiB, reads a line for as long as none ends, and
//! does not tell whether any byte of a request left. Here a value grows with the bytes that arrive, a line or a value
//! beyond its bound is refused, and a reply nobody asked for is noticed before the next request.

use std::io;

use memcache::exp::{Error, MetaResponse, ReturnCode};
use metrics_core::labels::CloseReason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stack::conn::ConnError;

/// Bytes of a reply's first line; memcached's own are shorter than a key and a few flags.
const MAX_LINE: usize = 2_048;
/// Bytes of a value: memcached's item limit, and more than any value of the lab.
const MAX_VALUE: usize = 1 << 20;
/// Bytes read at once, which most replies fit in.
const BUFFER: usize = 2_048;
/// A buffer that had to grow beyond this is given back: thousands of connections may each have met a large value once.
const KEPT: usize = 16 * 1_024;
/// So much room is made at once for a value that was announced; more only as its bytes arrive.
const STEP: usize = 64 * 1_024;
const END: &[u8] = b"\r\n";
/// Bytes of an odd reply that a message repeats.
const QUOTED: usize = 60;

/// One reply as it was framed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) code: ReturnCode,
    /// Empty but after [`ReturnCode::Va`].
    pub(crate) value: &'a [u8],
}

pub(crate) struct FramedStream {
    stream: TcpStream,
    /// The request under way.
    request: Vec<u8>,
    /// What arrived; consumed up to `start`.
    buffer: Vec<u8>,
    start: usize,
}

impl FramedStream {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, request: Vec::new(), buffer: Vec::with_capacity(BUFFER), start: 0 }
    }

    /// Why the stream may not be used again, if so. It is read only where the runtime was told that there is something
    /// to read: after most replies that is one look at memory. What is read is gone, and the stream is of no use then.
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

    /// Sends what `encode` appends to the buffer: one request or several, whose replies are then to be received one by
    /// one.
    pub(crate) async fn send(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), ConnError>,
    ) -> Result<(), ConnError> {
        let unasked = self.buffer.len() - self.start;
        if unasked > 0 {
            return Err(ConnError::Protocol(format!("{unasked} bytes that nobody asked for")));
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
                Err(error) if sent == 0 => return Err(ConnError::NotSent(error)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(crate) async fn receive(&mut self) -> Result<Frame<'_>, ConnError> {
        let line = self.read_line().await?;
        let parsed = parse_header(&self.buffer[self.start..line]);
        // An error in memcached's words is a whole reply: the stream stays in step.
        self.start = line + 1;
        let (code, length) = parsed?;
        let value = match length {
            Some(length) => self.read_value(length).await?,
            None => &[],
        };
        Ok(Frame { code, value })
    }

    /// Where the line feed of the next line is.
    async fn read_line(&mut self) -> Result<usize, ConnError> {
        let mut searched = self.start;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                return Ok(searched + at);
            }
            if self.buffer.len() - self.start > MAX_LINE {
                return Err(ConnError::Protocol(format!("a line of more than {MAX_LINE} bytes")));
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
            Err(ConnError::Protocol("a value that does not end where it was announced to".to_owned()))
        }
    }

    /// Only what is unread stays, so that the buffer does not grow over many replies.
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

/// The return code, and the length of the value that follows.
fn parse_header(line: &[u8]) -> Result<(ReturnCode, Option<usize>), ConnError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (token, rest) = match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[][..]),
    };
    let Ok(code) = ReturnCode::from_wire(token) else {
        // Errors in memcached's words are the crate's to read; what else came may be any bytes.
        return Err(match MetaResponse::parse_header(line) {
            Err(Error::Server(message)) => ConnError::Server(quote(message.as_bytes())),
            Err(Error::Rejected(message)) => ConnError::Protocol(quote(message.as_bytes())),
            Err(_) | Ok(_) => ConnError::Protocol(format!("`{}` is no reply of a memcached", quote(line))),
        });
    };
    if code != ReturnCode::Va {
        return Ok((code, None));
    }
    let digits = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<usize>().ok());
    match length {
        Some(length) if length <= MAX_VALUE => Ok((code, Some(length))),
        Some(length) => Err(ConnError::Protocol(format!(
            "a value of {length} bytes, more than the {MAX_VALUE} there can be"
        ))),
        None => Err(ConnError::Protocol("a value without a length".to_owned())),
    }
}

/// The beginning of what a node said, fit for a terminal.
fn quote(bytes: &[u8]) -> String {
    let rest = if bytes.len() > QUOTED { "..." } else { "" };
    format!("{}{rest}", bytes[..bytes.len().min(QUOTED)].escape_ascii())
}

#[cfg(test)]
mod tests;
