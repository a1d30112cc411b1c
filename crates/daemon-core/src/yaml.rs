//! A YAML file of the lab: parsed once into a tree with line numbers, which is checked against a schema and then read into
//! a type. Only the files below parse YAML.

mod decode;
mod node;
mod schema;
mod shape;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, schema_for};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::problems::{Problem, Problems};
use node::{Node, Scalar, Value};
use schema::WHOLE;

/// The largest file that is read; the shipped ones have a few KiB.
const MOST_MIB: u64 = 1;

/// A file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {}", .path.display())]
pub struct ReadError {
    /// The file.
    pub path: PathBuf,
    /// The cause.
    #[source]
    pub source: io::Error,
}

/// A parsed file.
#[derive(Clone, Debug)]
pub struct Document {
    name: String,
    root: Node,
}

impl Document {
    /// Reads a file's text.
    pub fn read_text(path: &Path) -> Result<String, ReadError> {
        text(path).map_err(|source| ReadError { path: path.to_owned(), source })
    }

    /// Parses a text; messages call the file `name`.
    pub fn parse(name: impl Into<String>, text: impl AsRef<str>) -> Result<Document, Problems> {
        let name = name.into();
        match node::parse(text.as_ref()) {
            Ok(root) => Ok(Document { name, root }),
            Err(e) => Err(Problem { file: name, line: e.line, message: e.message }.into()),
        }
    }

    /// How messages call the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole file as a `T`, or every problem: unknown, duplicate and missing keys, invalid types and values.
    pub fn decode<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Problems> {
        self.typed(&self.root, WHOLE)
    }

    /// The keys of the top level, in file order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.root.value {
            Value::Mapping(entries) => entries.as_slice(),
            Value::List(_) | Value::Scalar(_) => &[],
        };
        entries.iter().map(|(key, _)| key.text.as_str())
    }

    /// One section (a top-level key) as a `T`, or every problem; a missing or empty section is an empty mapping.
    pub fn section<T: DeserializeOwned + JsonSchema>(&self, key: &str) -> Result<T, Problems> {
        let empty = Node { line: self.root.line, value: Value::Mapping(Vec::new()) };
        let node = match self.root.child(key) {
            None | Some(Node { value: Value::Scalar(Scalar::Null), .. }) => &empty,
            Some(node) => node,
        };
        self.typed(node, key)
    }

    /// One value as a `T`, by a path such as `scenariod/guard_addr`. `None` if it is missing or null.
    pub fn value<T: DeserializeOwned + JsonSchema>(&self, path: &str) -> Result<Option<T>, Problems> {
        let mut node = &self.root;
        for step in path.split('/') {
            match node.child(step) {
                Some(child) => node = child,
                None => return Ok(None),
            }
        }
        if matches!(node.value, Value::Scalar(Scalar::Null)) {
            return Ok(None);
        }
        self.typed(node, path.rsplit('/').next().unwrap_or(path)).map(Some)
    }

    /// A problem with the value at a path such as `scenarios/2/faults/1/target`. If there is no such value, the line is
    /// that of the nearest value above it.
    pub fn problem(&self, path: &str, message: impl Into<String>) -> Problem {
        let mut node = &self.root;
        for step in path.split('/').filter(|step| !step.is_empty()) {
            match node.child(step) {
                Some(child) => node = child,
                None => break,
            }
        }
        Problem { file: self.name.clone(), line: node.line, message: message.into() }
    }

    fn typed<T: DeserializeOwned + JsonSchema>(&self, node: &Node, subject: &str) -> Result<T, Problems> {
        let schema: Json = schema_for!(T).into();
        let problem = |(line, message)| Problem { file: self.name.clone(), line, message };
        Problems(schema::check(node, &schema, subject).into_iter().map(problem).collect()).or(())?;
        // What is left are rules that a schema cannot describe.
        decode::decode(node).map_err(|finding| problem(finding).into())
    }
}

/// Reads regular files only: a pipe or a device may never end.
fn text(path: &Path) -> io::Result<String> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take((MOST_MIB << 20) + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_MIB << 20 {
        return Err(io::Error::other(format!("larger than {MOST_MIB} MiB")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("invalid UTF-8"))
}

#[cfg(test)]
mod tests;
