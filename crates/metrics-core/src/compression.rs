//! Gzip for clients that accept it. `exporter` decides which responses are compressed.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Whether an Accept-Encoding header names gzip. `*` does not count: a client that sends it may not be able to unpack gzip.
pub(crate) fn gzip_wanted(accept_encoding: Option<&str>) -> bool {
    accept_encoding.unwrap_or_default().split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        gzip && !parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
    })
}

/// Compresses fast rather than well: Prometheus scrapes every second, on the machine that sends the load.
pub(crate) fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_only_for_clients_that_name_it() {
        assert!(gzip_wanted(Some("gzip")));
        assert!(gzip_wanted(Some("deflate, GZIP;q=0.5")));
        for header in
            [None, Some(""), Some("*"), Some("identity"), Some("gzip;q=0"), Some("deflate, gzip; q=0.0")]
        {
            assert!(!gzip_wanted(header), "{header:?}");
        }
    }
}
