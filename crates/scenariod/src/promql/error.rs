//! What can be wrong with a query of a scenario, and the placeholders that one may hold.

pub(super) const TARGETS: &str = "$targets";
pub(super) const OTHERS: &str = "$others";

/// What is wrong with a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("cannot be parsed: {0}")]
    Syntax(String),
    #[error("`{0}` is no placeholder, there are `{TARGETS}` and `{OTHERS}`")]
    Placeholder(String),
    #[error("compares without `bool`: what is false would be no data; write `{0} bool`")]
    Bare(String),
    #[error("yields no 0 or 1: compare with `bool`")]
    NoTruth,
    #[error("yields a 0 or 1, `compare` needs a number")]
    NoNumber,
    #[error("{0}")]
    Name(String),
}
