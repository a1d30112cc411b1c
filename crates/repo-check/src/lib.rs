//! Dev-only: checks of the repository as a whole, which no single crate can hold. They take texts and return what is
//! wrong; the tests in `tests/` hand them the files of this repository. Nothing here may be part of a daemon.

pub mod imports;
pub mod prose;
