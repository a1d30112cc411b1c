//! What the pages of the repository refer to, held against what is there: links, anchors and command lines. Pure: it is
//! handed the texts.

mod commands;
mod links;
mod page;
mod shell;

use std::fmt;

pub use commands::Programs;
pub use links::{dead_links, unlisted};
pub use page::Page;

/// Something that a page names and that is not there.
#[derive(Debug)]
pub struct Problem {
    page: String,
    line: usize,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.page, self.line, self.what)
    }
}

#[cfg(test)]
mod tests;
