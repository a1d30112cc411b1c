//! The address of a Toxiproxy as users see it: without user, password and query. Requests use the whole URL.

use std::fmt;

use daemon_core::values::HttpUrl;

/// What a reader has to replace in a command.
pub(crate) const PLACEHOLDER: &str = "USER:PASSWORD";

/// An address without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiAddress {
    shown: String,
    /// Whether requests need the user and password that are not shown.
    needs_login: bool,
}

impl ApiAddress {
    pub(crate) fn new(url: &HttpUrl) -> ApiAddress {
        ApiAddress { shown: url.to_string(), needs_login: url.has_credentials() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.shown
    }

    /// Whether commands have a [`PLACEHOLDER`].
    pub(crate) fn needs_login(&self) -> bool {
        self.needs_login
    }

    /// A command that calls the API; `options` are those of curl.
    pub(crate) fn curl(&self, options: &str, path: impl fmt::Display) -> String {
        let login = if self.needs_login { format!(" -u {PLACEHOLDER}") } else { String::new() };
        let options = if options.is_empty() { String::new() } else { format!(" {options}") };
        format!("curl{login}{options} {}{path}", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_a_placeholder_for_secrets() {
        let open = ApiAddress::new(&"http://h:1/".parse().unwrap());
        assert_eq!(open.curl("", "/proxies"), "curl http://h:1/proxies");
        let closed = ApiAddress::new(&"http://me:secret@h:1/sub?token=x".parse().unwrap());
        assert_eq!(closed.curl("-X DELETE", "/x"), "curl -u USER:PASSWORD -X DELETE http://h:1/sub/x");
    }
}
