//! A plain HTTP client of its own, so that read-back does not depend on the client under test. One request a connection.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long connecting, each write and each read may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The `Content-Type`, empty where there is none.
    pub content_type: String,
    /// The body as text.
    pub body: String,
}

/// GET.
///
/// # Errors
/// When there is no answer or it is no HTTP.
pub fn get(url: &str) -> io::Result<Answer> {
    request("GET", url, &[], "")
}

/// Any request, with extra headers.
///
/// # Errors
/// When there is no answer or it is no HTTP.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Answer> {
    let rest = url.strip_prefix("http://").ok_or_else(|| bad(format!("not an http url: {url}")))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let addr = host.to_socket_addrs()?.next().ok_or_else(|| bad(format!("no address: {host}")))?;
    let mut stream = TcpStream::connect_timeout(&addr, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // 1.0: the answer ends where the connection does, never in chunks.
    let mut head = format!("{method} /{path} HTTP/1.0\r\nHost: {host}\r\n");
    if !body.is_empty() {
        head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| bad(format!("no HTTP answer from {url}")))
}

/// Percent-encodes a query parameter.
pub fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some(Answer {
        status,
        content_type: header(head, "content-type").unwrap_or_default(),
        body: body.to_owned(),
    })
}

/// The value of a header in the head of a request or an answer.
pub(crate) fn header(head: &str, wanted: &str) -> Option<String> {
    let of = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    head.lines().filter_map(of).find(|(name, _)| name == wanted).map(|(_, value)| value)
}

fn bad(message: String) -> io::Error {
    io::Error::other(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_type_and_body() {
        let answer =
            parse("HTTP/1.0 404 Not Found\r\nContent-type: text/plain\r\n\r\nno such proxy\n").unwrap();
        assert_eq!(
            (answer.status, answer.content_type.as_str(), answer.body.as_str()),
            (404, "text/plain", "no such proxy\n")
        );
    }

    #[test]
    fn encodes_promql() {
        assert_eq!(encode("a{b=~\"c d\"}"), "a%7Bb%3D~%22c%20d%22%7D");
    }
}
