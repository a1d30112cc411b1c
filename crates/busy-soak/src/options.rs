//! The command line. Definitions only.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Runs scenarios beside other work on this machine and counts their verdicts. A run that was ended continues.
#[derive(Debug, Parser)]
#[command(name = "lab-busy-soak", version)]
pub(crate) struct Options {
    /// Folder of the results; remove it to start again
    #[arg(long, default_value = ".lab/soak-busy")]
    pub(crate) folder: PathBuf,
    /// Run only these groups
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Group::value_variants().to_vec())]
    pub(crate) only: Vec<Group>,
    /// Run only these scenarios
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenarios: Vec<String>,
    /// At most this many rounds of each group
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Factor for the length of phases
    #[arg(long, default_value_t = 0.25)]
    pub(crate) time_scale: f64,
    /// Also write the summary to this file
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
    /// Print the number of runs and their estimated length, and run nothing
    #[arg(long)]
    pub(crate) plan: bool,
}

/// Runs beside the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Group {
    /// Nothing beside the lab
    Quiet,
    /// Four busy loops
    Loops4,
    /// A client without a breaker beside four busy loops
    NoBreaker,
    /// Two busy loops
    Loops2,
    /// Eight busy loops
    Loops8,
    /// Sixteen busy loops
    Loops16,
    /// Four busy loops with low priority
    Niced,
    /// One busy loop with real-time priority
    Realtime,
    /// Two processes that write to the disk
    Disk,
    /// The whole catalogue, with nothing beside it
    CatalogueQuiet,
    /// The whole catalogue beside four busy loops
    CatalogueLoops4,
}
