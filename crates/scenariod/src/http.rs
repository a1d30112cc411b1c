//! The set-up that the HTTP clients of Toxiproxy and Prometheus share. Requests, time limits and answers are each client's own.

use reqwest::{ClientBuilder, Url};

/// A client that talks to the given address only. It ignores the proxy variables of the environment and follows no
/// redirect: credentials must not reach another host.
pub(crate) fn client_builder() -> ClientBuilder {
    // The call fails when the process already has a TLS provider. Then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// The URL without a slash at its end.
pub(crate) fn trim_slash(base: &Url) -> &str {
    base.as_str().trim_end_matches('/')
}

/// The URL of a path below `base`. Each segment is escaped.
pub(crate) fn join_path<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_reads_the_same_with_and_without_a_slash_at_its_end() {
        for base in ["http://host:1/sub", "http://host:1/sub/"] {
            let base: Url = base.parse().unwrap();
            assert_eq!(trim_slash(&base), "http://host:1/sub");
            assert_eq!(join_path(&base, ["a b", "c/d"]).as_str(), "http://host:1/sub/a%20b/c%2Fd");
        }
    }
}
