//! The command line. Definitions only.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Compares simulated packet loss with packets that the kernel loses; `just calibrate` prepares the network for it.
#[derive(Debug, Parser)]
#[command(name = "lab-fidelity", version)]
pub(crate) struct Options {
    /// Address of the proxy, as seen from here
    #[arg(long)]
    pub(crate) node: SocketAddr,
    /// Address of Toxiproxy's API
    #[arg(long)]
    pub(crate) toxiproxy: SocketAddr,
    /// The lab file that names the proxy `memcached1`
    #[arg(long)]
    pub(crate) lab: PathBuf,
    /// The device on which the kernel drops packets
    #[arg(long)]
    pub(crate) device: String,
    /// Number of interleaved rounds; figures are medians over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Length of one measurement
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) window: Duration,
    /// Shares of the replies that are lost
    #[arg(long, value_delimiter = ',', default_values_t = [0.02, 0.05, 0.1])]
    pub(crate) rates: Vec<f64>,
    /// Also write the report to this file
    #[arg(long)]
    pub(crate) report: Option<PathBuf>,
}
