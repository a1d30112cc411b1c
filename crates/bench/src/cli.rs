//! The command line. Only definitions; what the commands do is elsewhere.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::fidelity;
use crate::subject::Subject;

/// Measures what an operation of loadgen costs beside the kernel's floor, a bare loop and memaslap.
#[derive(Debug, Parser)]
#[command(name = "lab-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure everything and print the table; exit 1 where a goal is missed by more than the noise
    Run(Options),
    /// Compare the packet-loss model with packets that the kernel loses; `just calibrate` calls it where it can work
    #[command(hide = true)]
    Fidelity(fidelity::Options),
    /// The cheapest client there can be: epoll, requests made beforehand, bytes counted. Runs until it is ended
    Floor(Load),
    /// loadgen's protocol exchange with nothing around it. Runs until it is ended
    Bare(Load),
    /// Run a program on some CPUs only, and no longer than its parent lives
    #[command(hide = true)]
    Pinned(Pinned),
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Interleaved rounds; figures are medians over them
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Length of one measurement, after its warm-up
    #[arg(long, default_value = "500ms", value_parser = humantime::parse_duration)]
    pub(crate) window: Duration,
    /// Also write the report to this file
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Measure only these, and of the table only what they allow
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Subject::ALL)]
    pub(crate) subjects: Vec<Subject>,
    /// The program under test, if not the loadgen beside this program
    #[arg(long)]
    pub(crate) loadgen: Option<PathBuf>,
}

/// The load of a client that is part of this program.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// Address of a memcached that holds the benchmark's keys
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) connections: u32,
    /// Percent of the operations that are sets; the others are gets
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) sets: u32,
    /// Load threads (the floor has one)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: u32,
}

#[derive(Args, Debug)]
pub(crate) struct Pinned {
    /// CPU numbers, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) cpus: Vec<usize>,
    /// Program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}
