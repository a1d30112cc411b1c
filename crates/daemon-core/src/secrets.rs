//! Removes secrets from text that is printed or written to a file: user and password of a URL, and its query. Pure.

use url::Url;

/// What a secret is replaced with.
const HIDDEN: &str = "***";

/// The URL without user, password, query and fragment, and without a slash at its end.
pub fn plain_url(url: &Url) -> String {
    let mut plain = url.clone();
    // Both fail only for URLs that cannot have credentials.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_query(None);
    plain.set_fragment(None);
    plain.as_str().trim_end_matches('/').to_owned()
}

/// A text in which every URL has lost its credentials and its query. The URLs may be invalid.
pub fn redact(text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + "://".len());
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '`' | '"' | '\'')).unwrap_or(after.len());
        redacted.push_str(before);
        redacted.push_str(&redact_address(&after[..end]));
        rest = &after[end..];
    }
    redacted + rest
}

/// A value that was meant to be a URL, but may lack its scheme.
pub fn redact_value(value: &str) -> String {
    match value.rsplit_once('@') {
        Some((credentials, host)) if credentials.contains(':') && !credentials.contains("://") => {
            redact(&format!("{HIDDEN}@{host}"))
        }
        _ => redact(value),
    }
}

/// What follows the scheme of a URL.
fn redact_address(address: &str) -> String {
    // A password may contain the characters that end a host, so the last `@` counts.
    let (login, address) = match address.rsplit_once('@') {
        Some((_, host)) => (format!("{HIDDEN}@"), host),
        None => (String::new(), address),
    };
    match address.find(['?', '#']) {
        Some(at) => format!("{login}{}{HIDDEN}", &address[..=at]),
        None => login + address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        let plain = |text: &str| plain_url(&text.parse().expect("a URL"));
        assert_eq!(plain("http://me:secret@host:1/sub/?token=x#y"), "http://host:1/sub");
        assert_eq!(plain("https://token@host"), "https://host");
    }

    #[test]
    fn secrets_are_removed_from_messages() {
        for (text, expected) in [
            ("GET http://me:secret@h:1/x failed", "GET http://***@h:1/x failed"),
            ("`ftp://a:s/e?cret@h`: not a URL", "`ftp://***@h`: not a URL"),
            ("http://h/?token=secret and https://secret@h/p?q", "http://h/?*** and https://***@h/p?***"),
            ("no URL, but a@b and c ? d", "no URL, but a@b and c ? d"),
            ("://", "://"),
        ] {
            assert_eq!(redact(text), expected);
        }
        assert_eq!(redact_value("me:secret@h:8474"), "***@h:8474");
        assert_eq!(redact_value("http://me:secret@h"), "http://***@h");
        assert_eq!(redact_value("h:8474"), "h:8474");
    }
}
