//! As much of HTTP as the fake needs: reads a request with a `Content-Length`, writes an answer.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::http::Response;

pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: String,
}

impl Request {
    pub(super) fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
                let mut words = head.split(' ');
                if let (true, Some(method), Some(path)) = (body.len() >= length, words.next(), words.next()) {
                    let [method, path, body] = [method, path, body].map(str::to_owned);
                    return Ok(Self { method, path, body });
                }
            }
            let mut part = [0; 4096];
            match stream.read(&mut part)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => bytes.extend_from_slice(&part[..n]),
            }
        }
    }
}

/// `METHOD /path body`.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = format!("{} {} {}", self.method, self.path, self.body);
        f.write_str(line.trim_end())
    }
}

fn header(head: &str, wanted: &str) -> Option<String> {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim().to_owned())
}

pub(super) fn reply(stream: &mut TcpStream, answer: &Response) -> io::Result<()> {
    let Response { status, content_type, body } = answer;
    let length = if *status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n{length}Connection: close\r\n\r\n{body}"
    )
}
