//! HTTP without the client under test. Each request has a connection of its own, because tests kill, pause and restart
//! the servers between any two requests.

use std::io;
use std::time::Duration;

/// The time that one request may take as a whole.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The answer of a server.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The `Content-Type`, or empty.
    pub content_type: String,
    /// The body as text.
    pub body: String,
}

/// GET.
///
/// # Errors
/// When there is no answer, or the answer is not HTTP.
pub fn get(url: &str) -> io::Result<Response> {
    request("GET", url, &[], "")
}

/// Any request, with extra headers.
///
/// # Errors
/// When there is no answer, or the answer is not HTTP. A status of 400 and above is an answer.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> io::Result<Response> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT))
        .max_idle_connections(0)
        .proxy(None)
        .build()
        .into();
    let mut head = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        head = head.header(*name, *value);
    }
    let result = if body.is_empty() {
        agent.run(head.body(()).map_err(io::Error::other)?)
    } else {
        let head = head.header("Content-Type", "application/json");
        agent.run(head.body(body.to_owned()).map_err(io::Error::other)?)
    };
    let mut answer = result.map_err(ureq::Error::into_io)?;
    let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
    Ok(Response {
        status: answer.status().as_u16(),
        content_type: content_type.unwrap_or_default().to_owned(),
        body: answer.body_mut().read_to_string().map_err(ureq::Error::into_io)?,
    })
}

/// Percent-encodes a query parameter.
pub fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_promql() {
        assert_eq!(encode("a{b=~\"c d\"}"), "a%7Bb%3D%7E%22c+d%22%7D");
    }
}
