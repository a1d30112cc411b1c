//! The lab file: the list of nodes, and the sections of the daemons. What a section contains is defined by its daemon.

mod addresses;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::exit::{Exit, UserError};
use crate::name::ServerName;
use crate::problems::Problems;
use crate::values::HostPort;
use crate::yaml::{Document, ReadError};
pub use addresses::Addresses;

/// Where the lab file is looked for when no flag and no variable names one.
const DEFAULT_PATH: &str = "config/lab.yaml";
/// The shipped lab file, for a daemon that runs outside the lab's folder.
const BUILT_IN: &str = include_str!("../../../config/lab.yaml");
const PATH_VARIABLE: &str = "LAB_CONFIG";
const OFFSET_VARIABLE: &str = "LAB_PORT_OFFSET";

/// The lab file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The file has errors.
    #[error(transparent)]
    Wrong(#[from] Problems),
    /// The port offset is not a number, or out of range.
    #[error("{OFFSET_VARIABLE} is `{0}`, must be a whole number from 0 to 50000")]
    Offset(String),
}

impl UserError for LabError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

/// One memcached node of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub name: ServerName,
    /// Where Toxiproxy listens for it.
    pub listen: HostPort,
    /// Where clients connect: through Toxiproxy.
    pub dial: HostPort,
    /// Where the memcached listens; only Toxiproxy connects to it.
    pub upstream: HostPort,
}

/// A lab file whose nodes are valid.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The nodes, in file order, at least one.
    pub servers: Vec<Server>,
    /// Added to every port of the file.
    pub port_offset: u16,
    path: Option<PathBuf>,
    document: Document,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawLab {
    #[schemars(length(min = 1))]
    servers: Vec<RawServer>,
    #[serde(default, rename = "loadgen")]
    _loadgen: Section,
    #[serde(default, rename = "client")]
    _client: Section,
    #[serde(default, rename = "scenariod")]
    _scenariod: Section,
}

/// Any mapping: the daemon that owns the section checks it.
type Section = Option<std::collections::BTreeMap<String, serde_json::Value>>;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawServer {
    name: String,
    listen: HostPort,
    dial: Option<HostPort>,
    upstream: HostPort,
}

impl Lab {
    /// Reads the file named by the flag, else by `LAB_CONFIG`, else `config/lab.yaml` where it exists, else the shipped one.
    pub fn load(flag: Option<&Path>) -> Result<Lab, LabError> {
        let named = flag.map(Path::to_owned).or_else(|| set(PATH_VARIABLE).map(PathBuf::from));
        let path = named.or_else(|| Some(PathBuf::from(DEFAULT_PATH)).filter(|path| path.exists()));
        let (name, text) = match &path {
            Some(path) => (path.display().to_string(), Document::read_text(path)?),
            None => (format!("{DEFAULT_PATH} (built in)"), BUILT_IN.to_owned()),
        };
        Ok(Lab { path, ..Lab::parse(name, text, port_offset()?)? })
    }

    /// Reads a text; messages call the file `name`.
    pub fn parse(name: impl Into<String>, text: impl AsRef<str>, port_offset: u16) -> Result<Lab, LabError> {
        let document = Document::parse(name, text)?;
        let raw: RawLab = document.decode()?;
        let mut problems = Problems::default();
        let mut names = BTreeSet::new();
        let mut servers = Vec::new();
        for (index, raw) in raw.servers.into_iter().enumerate() {
            let path = format!("servers/{index}/name");
            if !names.insert(raw.name.clone()) {
                problems.0.push(document.problem(&path, format!("duplicate node name `{}`", raw.name)));
            }
            let name = match ServerName::new(&raw.name) {
                Ok(name) => name,
                Err(error) => {
                    problems.0.push(document.problem(&path, error.to_string()));
                    continue;
                }
            };
            let mut moved = |key: &str, addr: &HostPort| {
                let too_high = |why| {
                    let path = format!("servers/{index}/{key}");
                    document.problem(&path, format!("`{key}` is {addr}: {why} ({OFFSET_VARIABLE})"))
                };
                addr.offset(port_offset).map_err(too_high).map_err(|problem| problems.0.push(problem)).ok()
            };
            let listen = moved("listen", &raw.listen);
            let dial = raw.dial.as_ref().map_or_else(|| listen.clone(), |dial| moved("dial", dial));
            let upstream = moved("upstream", &raw.upstream);
            if let (Some(listen), Some(dial), Some(upstream)) = (listen, dial, upstream) {
                servers.push(Server { name, listen, dial, upstream });
            }
        }
        Ok(problems.or(Lab { servers, port_offset, path: None, document })?)
    }

    /// A daemon's section of the file, or every problem in it.
    pub fn section<T: DeserializeOwned + JsonSchema>(&self, key: &str) -> Result<T, LabError> {
        Ok(self.document.section(key)?)
    }

    /// The path of the file. `None` for the built-in file and for a text.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The document, for problems that only the reader of a section finds.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

/// A variable's value; an empty one counts as unset.
fn set(variable: &str) -> Option<OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

fn port_offset() -> Result<u16, LabError> {
    let Some(value) = set(OFFSET_VARIABLE) else { return Ok(0) };
    let text = value.to_string_lossy();
    text.parse().ok().filter(|offset| *offset <= 50_000).ok_or_else(|| LabError::Offset(text.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Lab::parse("lab.yaml", text, 0).expect_err("invalid").to_string()
    }

    #[test]
    fn the_shipped_file_is_valid_and_dials_the_proxies() {
        let lab = Lab::parse("built in", BUILT_IN, 0).expect("valid");
        assert_eq!(lab.servers.len(), 3);
        for server in &lab.servers {
            assert_eq!(server.dial, server.listen);
            assert_ne!(server.dial, server.upstream);
        }
    }

    #[test]
    fn an_offset_moves_every_port_of_a_node() {
        let lab = Lab::parse("built in", BUILT_IN, 1000).expect("valid");
        let first = &lab.servers[0];
        assert_eq!((first.listen.port(), first.dial.port(), first.upstream.port()), (22211, 22211, 12211));
    }

    #[test]
    fn an_offset_above_the_last_port_is_refused_with_the_line() {
        let text = "servers:\n  - { name: a, listen: h:21211, upstream: h:1 }\n";
        assert_eq!(
            Lab::parse("lab.yaml", text, 50_000).expect_err("above the last port").to_string(),
            "lab.yaml:2: `listen` is h:21211: port 21211 plus 50000 is above 65535 (LAB_PORT_OFFSET)"
        );
    }

    #[test]
    fn wrong_nodes_are_named_with_their_lines() {
        let twice = "servers:\n  - { name: a, listen: h:1, upstream: h:2 }\n  - { name: a, listen: h:3, upstream: h:4 }\n";
        assert_eq!(error(twice), "lab.yaml:3: duplicate node name `a`");
        let typo = "servers:\n  - { name: a b, listen: h, upstrem: h:2 }\nclinet: {}\n";
        assert_eq!(
            error(typo),
            "lab.yaml:2: `listen` is `h`: not an address, write it like `127.0.0.1:9090`\n\
             lab.yaml:2: missing key `upstream` in `servers`\n\
             lab.yaml:2: unknown key `upstrem` in `servers`, did you mean `upstream`?\n\
             lab.yaml:3: unknown key `clinet` in the file, did you mean `client`?"
        );
        assert_eq!(error("servers: []\n"), "lab.yaml:1: `servers` must not be empty");
    }
}
