//! What can go wrong with a measurement, in the user's words.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error("program {name} is neither in .lab/bin nor on PATH")]
    Missing { name: String },
    #[error("program {path} is not there", path = path.display())]
    NotBuilt { path: PathBuf },
    #[error("this machine has {count} usable CPU; server and client need one each")]
    Cpus { count: usize },
    #[error("this machine allows {allowed} open files; {needed} are needed")]
    Files { allowed: u64, needed: u64 },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{program} ended during its measurement: {status}\n{output}")]
    Ended { program: String, status: ExitStatus, output: String },
    #[error("{program}: waited {limit:?} in vain for {condition}")]
    Late { program: String, condition: &'static str, limit: Duration },
    #[error("memcached {address} does not answer")]
    Node { address: SocketAddr, source: io::Error },
    #[error("memcached {address}: {what}")]
    Answer { address: SocketAddr, what: String },
    #[error("http {address}: no answer")]
    Http { address: SocketAddr, source: io::Error },
    #[error("cannot read {path}", path = path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}", path = path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("no free port on loopback")]
    Ports,
}

impl UserError for BenchError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "`deploy/native/fetch.sh peers` brings what the benchmark compares with",
            Self::NotBuilt { .. } => "`just bench` builds it, or name it with --loadgen",
            Self::Files { .. } => "raise the hard limit (`ulimit -Hn`)",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
