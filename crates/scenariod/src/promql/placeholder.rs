//! The placeholders of a query: `$targets`, `$others`, and `$node2` for the node at a position of the lab file. Pure.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use super::error::{OTHERS, QueryError, TARGETS};

/// The nodes of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nodes<'a> {
    /// The nodes with a fault.
    pub(crate) targets: &'a BTreeSet<String>,
    /// All of the lab, in its order.
    pub(crate) all: &'a [String],
}

impl<'a> Nodes<'a> {
    /// The nodes without a fault.
    pub(super) fn others(self) -> impl Iterator<Item = &'a String> {
        self.all.iter().filter(move |name| !self.targets.contains(*name))
    }
}

/// The placeholders of one query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Placeholders {
    pub(super) targets: bool,
    pub(super) others: bool,
    /// Positions of nodes, counted from 1.
    pub(super) positions: BTreeSet<usize>,
}

enum Placeholder {
    Targets,
    Others,
    Position(NonZeroUsize),
}

impl Placeholder {
    fn parse(word: &str) -> Option<Placeholder> {
        match word {
            TARGETS => Some(Placeholder::Targets),
            OTHERS => Some(Placeholder::Others),
            _ => word.strip_prefix("$node")?.parse().ok().map(Placeholder::Position),
        }
    }

    /// A regular expression that matches the nodes that it means.
    fn pattern(&self, nodes: Nodes<'_>) -> String {
        match self {
            Placeholder::Targets => node_pattern(nodes.targets),
            Placeholder::Others => node_pattern(nodes.others()),
            Placeholder::Position(position) => node_pattern(nodes.all.get(position.get() - 1)),
        }
    }
}

impl Placeholders {
    /// Those of a template. The error is a word that is none.
    pub(super) fn find(template: &str) -> Result<Placeholders, QueryError> {
        let mut found = Placeholders::default();
        for part in parts(template) {
            let Part::Word(word) = part else { continue };
            match Placeholder::parse(word) {
                Some(Placeholder::Targets) => found.targets = true,
                Some(Placeholder::Others) => found.others = true,
                Some(Placeholder::Position(position)) => {
                    found.positions.insert(position.get());
                }
                None => return Err(QueryError::Placeholder(word.to_owned())),
            }
        }
        Ok(found)
    }

    /// The number of nodes that a lab must have for the query.
    pub(super) fn nodes_needed(&self) -> usize {
        self.positions.last().copied().unwrap_or_default()
    }
}

/// The template with this text in the place of each placeholder.
pub(super) fn blank(template: &str, text: &str) -> String {
    parts(template)
        .map(|part| match part {
            Part::Text(plain) => plain,
            Part::Word(_) => text,
        })
        .collect()
}

/// The template with a pattern of nodes in the place of each placeholder.
pub(super) fn fill(template: &str, nodes: Nodes<'_>) -> String {
    parts(template)
        .map(|part| match part {
            Part::Text(plain) => plain.to_owned(),
            Part::Word(word) => Placeholder::parse(word).map_or_else(String::new, |one| one.pattern(nodes)),
        })
        .collect()
}

enum Part<'a> {
    Text(&'a str),
    /// A `$` and the letters and digits after it.
    Word(&'a str),
}

fn parts(template: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let is_word = rest.starts_with('$');
        let end = match is_word {
            true => rest[1..].find(|c: char| !c.is_alphanumeric()).map(|end| end + 1),
            false => rest.find('$'),
        };
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        match is_word {
            true => Some(Part::Word(part)),
            false => (!part.is_empty()).then_some(Part::Text(part)),
        }
    })
}

/// A regular expression that matches these node names, for a quoted string. Names have letters, digits, `-`, `_` and `.`.
pub(crate) fn node_pattern<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    names.into_iter().map(|name| name.replace('.', "[.]")).collect::<Vec<_>>().join("|")
}
