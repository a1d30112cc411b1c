//! The commands: what each reads and prints, and its exit code. Nothing below this folder knows the command line.

pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod context;
pub(crate) mod dry_run;
pub(crate) mod guard;
pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod run;
mod runnable;
pub(crate) mod show;
pub(crate) mod unknown;
