//! Errors in the queries of scenarios, and the placeholders that a query may contain.

pub(super) const TARGETS: &str = "$targets";
pub(super) const OTHERS: &str = "$others";

/// What is wrong with a query. The messages follow the name of the key that holds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("cannot be parsed: {0}")]
    Syntax(String),
    #[error(
        "has an unknown placeholder `{0}`, must be `{TARGETS}`, `{OTHERS}` or a position such as `$node1`"
    )]
    Placeholder(String),
    #[error("must compare with `{0} bool`: without `bool`, false means no data")]
    MissingBool(String),
    #[error("must return 0 or 1: compare with `bool`")]
    NotBoolean,
    #[error("returns 0 or 1, but `compare` needs a number")]
    NotNumber,
    #[error("{0}")]
    UnknownName(String),
}
