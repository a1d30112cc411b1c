//! How true the packet-loss model is: the same load through the same proxy, once with packets that the kernel drops and
//! once with the model's toxics. This file holds the order of the measurements; where the network comes from is the
//! business of `deploy/calibrate.sh`, which runs this inside a namespace of its own.

mod compare;
mod distribution;
mod kernel;
mod load;
mod model;
mod report;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use daemon_core::exit::{Exit, print};

use crate::error::BenchError;
use crate::rounds::turns;
use crate::{host, programs};
use compare::Level;
use load::{Cell, Loadgen};

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Where the proxy listens, as seen from here
    #[arg(long)]
    node: SocketAddr,
    /// Where Toxiproxy's API listens
    #[arg(long)]
    toxiproxy: SocketAddr,
    /// The lab file that names the proxy `memcached1`
    #[arg(long)]
    lab: PathBuf,
    /// The device on which the kernel is to drop packets
    #[arg(long)]
    device: String,
    /// Interleaved rounds; figures are medians over them
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Length of one measurement
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    window: Duration,
    /// Shares of the replies that are lost
    #[arg(long, value_delimiter = ',', default_values_t = [0.02, 0.05, 0.1])]
    rates: Vec<f64>,
    /// Also write the report to this file
    #[arg(long)]
    report: Option<PathBuf>,
}

/// What loses the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Kernel,
    Model,
}

/// Measures, prints the report and writes it where asked.
pub(crate) fn run(options: &Options) -> Result<Exit, BenchError> {
    let folder =
        tempfile::tempdir().map_err(|source| BenchError::Write { path: std::env::temp_dir(), source })?;
    let loadgen = Loadgen::new(programs::loadgen(None)?, options.node, options.window, folder.path())?;
    let scenarios = model::Scenarios::write(folder.path(), options)?;
    let mut levels: Vec<Level> = options.rates.iter().map(|rate| Level::new(*rate)).collect();
    for round in 0..options.rounds {
        for level in &mut levels {
            eprintln!("round {} of {}, {}% loss", round + 1, options.rounds, level.rate * 100.0);
            for turn in turns(round as usize, 2) {
                let loss = [Loss::Kernel, Loss::Model][turn];
                level.add(loss, measure(loss, level.rate, round, &loadgen, &scenarios, options)?);
            }
        }
    }
    let mut machine = host::description();
    machine
        .push([host::version("memcached", "-V"), host::version("toxiproxy-server", "--version")].join(", "));
    let report = report::Report { machine, levels: &levels, options }.to_string();
    let _ = print(&report); // the file below matters more than a terminal that went away
    if let Some(path) = &options.report {
        fs::write(path, &report).map_err(|source| BenchError::Write { path: path.clone(), source })?;
    }
    Ok(if levels.iter().flat_map(Level::figures).all(|figure| figure.met()) {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

fn measure(
    loss: Loss,
    rate: f64,
    seed: u32,
    loadgen: &Loadgen,
    scenarios: &model::Scenarios,
    options: &Options,
) -> Result<Cell, BenchError> {
    match loss {
        Loss::Kernel => {
            let _loss = kernel::Dropping::start(&options.device, rate)?;
            loadgen.measure(seed)
        }
        Loss::Model => {
            let loss = scenarios.start(rate)?;
            let cell = loadgen.measure(seed)?;
            loss.end()?;
            Ok(cell)
        }
    }
}
