//! The flags and arguments of each command. A flag that several commands read is a struct of its own; one that is global is
//! accepted on either side of any command and shown only by those that read it.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use daemon_core::values::{HostPort, HttpUrl, Positive, Span};

use crate::plan::TimeScale;
use crate::plan::schedule::{FOREVER, Loops};

/// Which lab.
#[derive(Debug, Args)]
pub(crate) struct LabArgs {
    /// Lab file [default: $LAB_CONFIG, else config/lab.yaml, else the built-in one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

/// What can be run.
#[derive(Debug, Args)]
pub(crate) struct CatalogueArgs {
    /// Folder of scenario and playlist files that add to the built-in catalogue or replace entries
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) catalogue: Option<PathBuf>,
}

/// Where runs write.
#[derive(Debug, Args)]
pub(crate) struct StateArgs {
    /// Folder for the journals and locks of runs; `run`, `guard` and `clean` must use the same one [default: $LAB_STATE, else the XDG state folder]
    #[arg(long, value_name = "DIR", global = true, env = "LAB_STATE", hide_env = true)]
    pub(crate) state_dir: Option<PathBuf>,
}

/// Which Toxiproxy.
#[derive(Debug, Args)]
pub(crate) struct ToxiproxyArgs {
    /// Toxiproxy's API [default: `scenariod.toxiproxy` of the lab file]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) toxiproxy: Option<HttpUrl>,
}

/// Of `run`, and of a line without a command.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Names of what to run, separated by commas; same as NAME
    #[arg(long, visible_alias = "playlist", value_name = "NAME,...")]
    pub(crate) scenario: Vec<String>,
    /// Run the whole list N times; without N, until stopped
    #[arg(long = "loop", value_name = "N", num_args = 0..=1, default_missing_value = FOREVER, allow_negative_numbers = true)]
    pub(crate) loops: Option<Loops>,
    /// Pause between two runs [default: the pause of the playlist, else none]
    #[arg(long, value_name = "DURATION")]
    pub(crate) pause: Option<Span>,
    /// Check what a run needs and print what it would do, without changing anything
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// List what can be run and exit, like `scenariod list`; with names, list only those
    #[arg(long)]
    pub(crate) list: bool,
    /// Factor for the length of phases and leases, on top of a playlist's factor: 0.1 shortens a minute to 6 s, but no phase below what its expectations need
    #[arg(long, value_name = "F", value_parser = time_scale, allow_hyphen_values = true)]
    pub(crate) time_scale: Option<TimeScale>,
    #[command(flatten)]
    pub(crate) toxiproxy: ToxiproxyArgs,
    /// Run even if the lab's nodes have toxics of others; they are kept and recorded
    #[arg(long)]
    pub(crate) allow_foreign: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Prometheus to read the verdict from [default: $LAB_PROMETHEUS, else `scenariod.prometheus` of the lab file]
    #[arg(long, value_name = "URL", conflicts_with = "no_verdict")]
    pub(crate) prometheus: Option<HttpUrl>,
    /// File with the bearer token for Prometheus [default: the token in $LAB_PROMETHEUS_TOKEN]
    #[arg(long, value_name = "FILE", conflicts_with = "no_verdict")]
    pub(crate) prometheus_token_file: Option<PathBuf>,
    /// Run the phases without judging them
    #[arg(long)]
    pub(crate) no_verdict: bool,
    /// Repeat an inconclusive scenario up to N times, 0 to 3; the report keeps every attempt
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3), default_value = "0", hide_default_value = true)]
    pub(crate) retry_inconclusive: u8,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Address to serve metrics on [default: `scenariod.metrics_addr` of the lab file]
    #[arg(long, value_name = "ADDR", global = true)]
    pub(crate) metrics_addr: Option<HostPort>,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
    /// Keep serving metrics at most this long after the last phase, so that Prometheus scrapes the end [default: 5s]
    #[arg(long, value_name = "DURATION")]
    pub(crate) linger: Option<Span>,
    /// Seed for the random choice of targets, as in `{ count: N }` [default: random, printed at the start]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Print only problems and final results
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// `run` itself: without `run`, names follow `--scenario`, as a first word is the name of a command.
#[derive(Debug, Args)]
pub(crate) struct RunCommand {
    /// What to run, in this order: scenarios, families, playlists, paths of playlist files, or `all`
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) args: RunArgs,
}

impl RunCommand {
    /// The same as the short form.
    pub(crate) fn into_args(mut self) -> RunArgs {
        self.args.scenario.splice(0..0, self.names);
        self.args
    }
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only these scenarios, families and playlists
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the page of the documentation
    #[arg(long, hide = true, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// List only what the lab has enough nodes for
    #[arg(long)]
    pub(crate) runnable: bool,
    /// Print the name of one scenario that the lab can run
    #[arg(long, hide = true, conflicts_with_all = ["json", "markdown"])]
    pub(crate) propose: bool,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// A scenario, a family, a playlist or the path of a playlist file
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Files and folders to check, folders recursively [default: the built-in files and the lab file]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    /// Interval between checks
    #[arg(long, value_name = "DURATION", default_value = "1s")]
    pub(crate) interval: Positive,
    #[command(flatten)]
    pub(crate) toxiproxy: ToxiproxyArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Address to serve metrics on [default: `scenariod.guard_addr` of the lab file]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_addr: Option<HostPort>,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Print what would be removed, without removing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) toxiproxy: ToxiproxyArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Address where the daemon serves its metrics [default: `scenariod.metrics_addr` of the lab file]
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics_addr: Option<HostPort>,
    #[command(flatten)]
    pub(crate) lab: LabArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Shell to complete for
    pub(crate) shell: clap_complete::Shell,
    #[command(flatten)]
    pub(crate) catalogue: CatalogueArgs,
}

fn time_scale(text: &str) -> Result<TimeScale, String> {
    let factor = f64::from_str(text).ok().and_then(TimeScale::new);
    factor.ok_or_else(|| format!("must be a number {}", TimeScale::BOUNDS))
}
