//! The rules for names. A node keeps the name it has elsewhere, so its rule is wide; scenarios, playlists and workloads
//! are named here, so theirs is narrow.

use std::fmt;
use std::sync::Arc;

/// As long as a DNS label.
const LONGEST_NODE_NAME: usize = 63;

/// A name that breaks its rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind} name `{name}`: {rule}")]
pub struct NameError {
    kind: &'static str,
    name: String,
    rule: &'static str,
}

/// A node's name: the `server` label of every metric, and the proxy's name in Toxiproxy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerName(Arc<str>);

impl ServerName {
    /// A name of letters, digits, `-`, `_` and `.`; it is used in URLs and labels.
    pub fn new(name: &str) -> Result<ServerName, NameError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // `.` and `..` would be steps of a path in the URLs that contain the name.
        let dots = name.chars().all(|c| c == '.');
        if !dots && name.len() <= LONGEST_NODE_NAME && name.chars().all(allowed) {
            return Ok(ServerName(name.into()));
        }
        let rule = "use letters, digits, `-`, `_` and `.`, at most 63 characters and not only dots";
        Err(NameError { kind: "node", name: name.to_owned(), rule })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Checks the name of something that the lab's own files define; `kind` is what messages call it, such as `workload`.
/// Such a name is used as a label value, on the command line, in lists with commas, and in a shell.
pub fn check(kind: &'static str, name: &str) -> Result<(), NameError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !name.is_empty() && name.bytes().all(allowed) && !name.starts_with('-') {
        return Ok(());
    }
    let rule = "use lowercase letters, digits and dashes, and no dash at the start";
    Err(NameError { kind, name: name.to_owned(), rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_keeps_the_name_that_it_has_elsewhere() {
        let longest = "n".repeat(63);
        for name in ["memcached1", "cache-1.example.org", "A_b", "..a", "-", longest.as_str()] {
            assert_eq!(ServerName::new(name).as_ref().map(ServerName::as_str), Ok(name));
        }
        for name in ["", ".", "..", "a b", "a/b", "ü", &"n".repeat(64)] {
            assert!(ServerName::new(name).is_err(), "{name}");
        }
        assert_eq!(
            ServerName::new("a b").map_err(|error| error.to_string()),
            Err("invalid node name `a b`: use letters, digits, `-`, `_` and `.`, at most 63 characters and not only dots".to_owned())
        );
    }

    #[test]
    fn the_labs_own_names_need_no_quotes_anywhere() {
        for name in ["packet-loss-10", "10", "a", "a-"] {
            assert_eq!(check("scenario", name), Ok(()), "{name}");
        }
        for name in ["", "-a", "A", "a b", "a,b", "a_b", "a.b", "ä"] {
            assert!(check("scenario", name).is_err(), "{name}");
        }
        assert_eq!(
            check("workload", "My Workload").map_err(|error| error.to_string()),
            Err("invalid workload name `My Workload`: use lowercase letters, digits and dashes, and no dash at the start".to_owned())
        );
    }
}
