//! The rules for names. A node keeps the name it has elsewhere, so its rule is wide; scenarios, playlists and workloads
//! are named here, so theirs is narrow.

use std::fmt;
use std::sync::Arc;

/// As long as a DNS label.
const LONGEST_NODE_NAME: usize = 63;

/// The native lab has a service, a log and a line in its status for each node and for each of these.
const RESERVED_NODE_NAMES: [&str; 7] =
    ["toxiproxy", "loadgen", "guard", "scenariod", "prometheus", "grafana", "runsv"];

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
    /// A name of letters, digits, `-`, `_` and `.`; it is used in URLs, labels and file names.
    pub fn new(name: &str) -> Result<ServerName, NameError> {
        let wrong = |rule| Err(NameError { kind: "node", name: name.to_owned(), rule });
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        // A dot at the start hides a file, and `.` and `..` are steps of a path. A dash at the start looks like a flag.
        let start = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !start || name.len() > LONGEST_NODE_NAME || !name.chars().all(allowed) {
            return wrong(
                "use letters, digits, `-`, `_` and `.`, at most 63 characters, with no dash or dot at the start",
            );
        }
        if RESERVED_NODE_NAMES.contains(&name) {
            return wrong("a part of the lab has this name");
        }
        Ok(ServerName(name.into()))
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
        for name in ["memcached1", "cache-1.example.org", "A_b", "_a", "1", "guard1", longest.as_str()] {
            assert_eq!(ServerName::new(name).as_ref().map(ServerName::as_str), Ok(name));
        }
        for name in ["", ".", "..", ".a", "-", "-a", "a b", "a/b", "ü", &"n".repeat(64)] {
            assert!(ServerName::new(name).is_err(), "{name}");
        }
        assert_eq!(
            ServerName::new("a b").map_err(|error| error.to_string()),
            Err("invalid node name `a b`: use letters, digits, `-`, `_` and `.`, at most 63 characters, with no dash or dot at the start".to_owned())
        );
    }

    #[test]
    fn a_node_cannot_have_the_name_of_a_part_of_the_lab() {
        assert_eq!(
            ServerName::new("toxiproxy").map_err(|error| error.to_string()),
            Err("invalid node name `toxiproxy`: a part of the lab has this name".to_owned())
        );
        for name in RESERVED_NODE_NAMES {
            assert!(ServerName::new(name).is_err(), "{name}");
        }
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
