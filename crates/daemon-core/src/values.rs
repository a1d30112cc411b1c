//! The values that the lab's files and flags are made of: durations, fractions, addresses, URLs. Each is checked when it
//! is made.

mod fraction;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use url::Url;

pub use fraction::Fraction;

/// A duration above zero, written `500ms`, `2m` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Positive(Duration);

/// A duration that may be zero (`0s`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(Duration);

/// An address to listen on or to dial: `127.0.0.1:9090`, `memcached1:11211`, `[::1]:9090`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// An `http://` or `https://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl(Url);

impl Positive {
    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// `None` for zero.
    pub const fn new(duration: Duration) -> Option<Positive> {
        if duration.is_zero() { None } else { Some(Positive(duration)) }
    }
}

impl Span {
    /// The duration.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Span {
        Span(duration)
    }
}

impl HostPort {
    /// The host: a name or an address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The same host at a port that is higher by `by`; port 0, which means any port, stays 0.
    pub fn offset(&self, by: u16) -> Result<HostPort, String> {
        let port = if self.port == 0 { 0 } else { shifted(self.port, by)? };
        Ok(HostPort { host: self.host.clone(), port })
    }
}

impl HttpUrl {
    /// The URL.
    pub fn get(&self) -> &Url {
        &self.0
    }

    /// Its host and port. Without a port, the scheme's default port.
    pub fn host_port(&self) -> HostPort {
        let host =
            self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        HostPort { host, port: self.0.port_or_known_default().unwrap_or_default() }
    }

    /// The same URL at a port that is higher by `by`.
    pub fn offset(&self, by: u16) -> Result<HttpUrl, String> {
        let mut url = self.0.clone();
        if let Some(port) = url.port_or_known_default() {
            // Fails only for URLs without a host, and those are refused when they are parsed.
            let _ = url.set_port(Some(shifted(port, by)?));
        }
        Ok(HttpUrl(url))
    }
}

fn shifted(port: u16, by: u16) -> Result<u16, String> {
    let too_high = || format!("port {port} plus {by} is above 65535");
    port.checked_add(by).ok_or_else(too_high)
}

/// Longer durations could overflow when they are added to each other or to a point in time.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("must not be longer than a year".to_owned()),
        Err(_) => Err("not a duration, write it like `500ms`, `30s` or `2m`".to_owned()),
    }
}

impl FromStr for Positive {
    type Err = String;
    fn from_str(text: &str) -> Result<Positive, String> {
        Positive::new(duration(text)?).ok_or_else(|| "must be longer than zero".to_owned())
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Span, String> {
        if text == "0" { Ok(Span(Duration::ZERO)) } else { duration(text).map(Span) }
    }
}

impl FromStr for HostPort {
    type Err = String;
    fn from_str(text: &str) -> Result<HostPort, String> {
        let wrong = || "not an address, write it like `127.0.0.1:9090`".to_owned();
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() || host.contains(char::is_whitespace) || host.contains('/') {
            return Err(wrong());
        }
        let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let wrong_port =
            || if is_number { "not an address, a port is at most 65535".to_owned() } else { wrong() };
        Ok(HostPort { host: host.to_owned(), port: port.parse().map_err(|_| wrong_port())? })
    }
}

impl FromStr for HttpUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<HttpUrl, String> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(HttpUrl(url)),
            _ => Err("not a URL, write it like `http://127.0.0.1:8474`".to_owned()),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Display for Positive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// Values that are written as text: read through `FromStr`, and with a `format` in the schema, so that the check of a file
/// reports them with their lines.
macro_rules! text_value {
    ($($type:ty, $format:literal, $described:literal;)+) => {
        $(
            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                }
            }

            impl JsonSchema for $type {
                fn schema_name() -> std::borrow::Cow<'static, str> {
                    $format.into()
                }
                fn inline_schema() -> bool {
                    true
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({ "type": "string", "format": $format })
                }
            }
        )+

        /// Checks a text against the format that a schema names.
        pub(crate) fn check_format(format: &str, text: &str) -> Result<(), String> {
            match format {
                $($format => text.parse::<$type>().map(|_| ()),)+
                _ => Ok(()),
            }
        }

        /// What a format expects, for a message.
        pub(crate) fn describe_format(format: &str) -> Option<&'static str> {
            match format {
                $($format => Some($described),)+
                _ => None,
            }
        }
    };
}

text_value! {
    Positive, "positive-duration", "a duration like `30s`";
    Span, "duration", "a duration like `10ms`";
    HostPort, "host-port", "an address like `127.0.0.1:9090`";
    HttpUrl, "http-url", "a URL like `http://127.0.0.1:8474`";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_positive_ones_are_above_zero() {
        assert_eq!("500ms".parse::<Positive>().map(Positive::get), Ok(Duration::from_millis(500)));
        assert_eq!("2m".parse::<Positive>().map(Positive::get), Ok(Duration::from_secs(120)));
        for wrong in ["0s", "-1s", "10", "soon", "", "2y", "584000000000y"] {
            assert!(wrong.parse::<Positive>().is_err(), "{wrong}");
        }
        assert_eq!("0".parse::<Span>(), Ok(Span::default()));
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        let moved = "127.0.0.1:9090".parse::<HostPort>().and_then(|a| a.offset(1000)).map(|a| a.to_string());
        assert_eq!(moved.as_deref(), Ok("127.0.0.1:10090"));
        let too_high = "127.0.0.1:21211".parse::<HostPort>().and_then(|a| a.offset(50_000));
        assert_eq!(too_high, Err("port 21211 plus 50000 is above 65535".to_owned()));
        assert_eq!("[::1]:80".parse::<HostPort>().map(|a| a.to_string()).as_deref(), Ok("[::1]:80"));
        for wrong in ["localhost", ":80", "a:b", "http://x:1", "x:70000"] {
            assert!(wrong.parse::<HostPort>().is_err(), "{wrong}");
        }
        assert!("ftp://x".parse::<HttpUrl>().is_err());
        assert_eq!(
            "http://x:8474".parse::<HttpUrl>().and_then(|u| u.offset(1)).map(|u| u.to_string()).as_deref(),
            Ok("http://x:8475")
        );
    }
}
