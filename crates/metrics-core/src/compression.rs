//! Gzip for whoever asks for it. Which answers are worth it is `exporter`'s matter.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Does this Accept-Encoding header ask for gzip? `*` is no request for it: who sends that may not unpack it.
pub(crate) fn gzip_wanted(accept_encoding: Option<&str>) -> bool {
    accept_encoding.unwrap_or_default().split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        gzip && !parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0))
    })
}

/// A scrape is made every second beside the load, so speed counts and not the last byte.
pub(crate) fn gzip(text: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_name_it() {
        assert!(gzip_wanted(Some("gzip")));
        assert!(gzip_wanted(Some("deflate, GZIP;q=0.5")));
        for header in
            [None, Some(""), Some("*"), Some("identity"), Some("gzip;q=0"), Some("deflate, gzip; q=0.0")]
        {
            assert!(!gzip_wanted(header), "{header:?}");
        }
    }
}
