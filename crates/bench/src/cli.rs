//! The command line. Definitions only.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::pinned::PinnedCommand;
use crate::subject::Subject;

/// Measures what an operation of loadgen costs, beside the kernel's floor, a bare loop and memaslap.
#[derive(Debug, Parser)]
#[command(name = "lab-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure everything and print the table; exit 1 when a goal is missed by more than the noise
    Run(Options),
    /// Run the cheapest possible client until a signal: epoll, prepared requests, counted bytes
    Floor(Load),
    /// Run loadgen's protocol exchange alone until a signal
    Bare(Load),
    /// Run a program on some CPUs only
    #[command(hide = true)]
    Pinned(PinnedCommand),
}

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Number of interleaved rounds; figures are medians over them
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Length of one measurement, after its warm-up
    #[arg(long, default_value = "500ms", value_parser = humantime::parse_duration)]
    pub(crate) window: Duration,
    /// Also write the report to this file
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Measure only these; the table has only the figures that they allow
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Subject::ALL)]
    pub(crate) subjects: Vec<Subject>,
    /// The loadgen to measure [default: the one beside this program]
    #[arg(long)]
    pub(crate) loadgen: Option<PathBuf>,
}

/// The load of a client that is part of this program.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// Address of a memcached that holds the benchmark's keys
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// Connections, each with one outstanding request
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) connections: u32,
    /// Percentage of sets; the other operations are gets
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub(crate) sets: u32,
    /// Load threads (the floor has one)
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) threads: u32,
}
