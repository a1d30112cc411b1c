//! What the HTTP clients of Toxiproxy and Prometheus share: their set-up, addresses without secrets, and why a call failed in
//! plain words. Requests, time limits and answers are each client's own.

use std::error::Error;
use std::io;

use daemon_core::descriptors::is_local;
use reqwest::{ClientBuilder, Url};

/// A client that talks to the given address only. It ignores the proxy variables of the environment and follows no
/// redirect: credentials must not reach another host.
pub(crate) fn client_builder() -> ClientBuilder {
    // The call fails when the process already has a TLS provider. Then that one is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

/// The URL of a path below `base`. Each segment is escaped.
pub(crate) fn join_path<'a>(base: &Url, segments: impl IntoIterator<Item = &'a str>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The error and its sources. An `io::Error` hides the error it carries from `source`, so that one is added.
pub(crate) fn layers<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |layer| below(*layer))
}

fn below<'a>(layer: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match layer.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => layer.source(),
    }
}

/// The reason of a call that was never sent: its values cannot be sent, or this machine has nothing left for a connection.
pub(crate) fn unsent_reason(error: &reqwest::Error) -> Option<String> {
    let local =
        layers(error).filter_map(|layer| layer.downcast_ref::<io::Error>()).find(|error| is_local(error));
    match local {
        Some(local) => Some(local.to_string()),
        None => {
            error.is_builder().then(|| layers(error).last().map_or_else(String::new, ToString::to_string))
        }
    }
}

/// Why no TLS connection came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsProblem {
    /// The server does not speak TLS.
    Unsupported,
    Untrusted(&'static str),
}

/// The messages of the TLS library do not help a user who mistyped a URL.
pub(crate) fn tls_problem(error: &reqwest::Error) -> Option<TlsProblem> {
    use rustls::CertificateError;

    let error = layers(error).find_map(|layer| layer.downcast_ref::<rustls::Error>())?;
    Some(TlsProblem::Untrusted(match error {
        rustls::Error::InvalidMessage(_) => return Some(TlsProblem::Unsupported),
        rustls::Error::InvalidCertificate(error) => match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "certificate has expired",
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "certificate is for another host name"
            }
            CertificateError::UnknownIssuer => "certificate signed by an unknown authority",
            _ => "invalid certificate",
        },
        _ => "TLS handshake failed",
    }))
}

#[cfg(test)]
mod tests {
    use daemon_core::secrets::plain_url;

    use super::*;

    #[test]
    fn a_base_url_reads_the_same_with_and_without_a_slash_at_its_end() {
        for base in ["http://host:1/sub", "http://host:1/sub/"] {
            let base: Url = base.parse().unwrap();
            assert_eq!(plain_url(&base), "http://host:1/sub");
            assert_eq!(join_path(&base, ["a b", "c/d"]).as_str(), "http://host:1/sub/a%20b/c%2Fd");
        }
    }

    /// A proxy in front of an API may want its token in the query. It is sent, and not shown.
    #[test]
    fn a_query_stays_part_of_every_request() {
        let base: Url = "http://me:secret@host/sub?token=x".parse().unwrap();
        let url = join_path(&base, ["a"]);
        assert_eq!(url.as_str(), "http://me:secret@host/sub/a?token=x");
        assert_eq!(plain_url(&url), "http://host/sub/a");
    }
}
