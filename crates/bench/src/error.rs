//! What can go wrong with a measurement, and what a user can do about it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use testkit::StartError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("program {name} is neither in $LAB_BIN, nor in .lab/bin, nor on PATH")]
    Missing { name: String },
    #[error("program {path} is not built", path = path.display())]
    NotBuilt { path: PathBuf },
    #[error("this process may use {count} CPU; server and client need one each")]
    Cpus { count: usize },
    #[error("this process may open {allowed} files; it needs {needed}")]
    Files { allowed: u64, needed: u64 },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{program} ended during its measurement: {status}\n{output}")]
    Ended { program: String, status: ExitStatus, output: String },
    #[error("{program}: timed out after {limit:?} waiting for {condition}")]
    Late { program: String, condition: &'static str, limit: Duration },
    #[error("memcached {address} does not answer")]
    Node { address: SocketAddr, source: io::Error },
    #[error("memcached {address}: {what}")]
    Reply { address: SocketAddr, what: String },
    #[error("http {address}: no answer")]
    Http { address: SocketAddr, source: io::Error },
    #[error("cannot read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl UserError for BenchError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "`deploy/native/fetch.sh peers` fetches what the benchmark compares with",
            Self::NotBuilt { .. } => "`just bench` builds it, or name it with --loadgen",
            Self::Files { .. } => "raise the hard limit (`ulimit -Hn`)",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
