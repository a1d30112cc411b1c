//! The whole comparison: all measurements and their order.

use std::fs;

use bench::host;
use bench::rounds::turns;
use daemon_core::exit::{Exit, print};

use crate::compare::{Cell, Level, Loss};
use crate::error::FidelityError;
use crate::kernel;
use crate::load::Loadgen;
use crate::model::Scenarios;
use crate::options::Options;
use crate::report::Report;

/// Measures, prints the report, and writes it to the file of `--report`.
pub(crate) fn run(options: &Options) -> Result<Exit, FidelityError> {
    use_two_cpus()?;
    let folder =
        tempfile::tempdir().map_err(|source| FidelityError::Write { path: std::env::temp_dir(), source })?;
    let loadgen = Loadgen::new(options.node, options.window, folder.path())?;
    let scenarios = Scenarios::write(folder.path(), options)?;
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
    let report = Report { machine, levels: &levels, options }.to_string();
    let _ = print(&report); // a closed terminal must not keep the file from being written
    if let Some(path) = &options.report {
        fs::write(path, &report).map_err(|source| FidelityError::Write { path: path.clone(), source })?;
    }
    let all_met = levels.iter().flat_map(Level::figures).all(|figure| figure.met());
    Ok(if all_met { Exit::Ok } else { Exit::Failed })
}

/// Limits this process and the programs that it starts to the same two CPUs on every machine.
fn use_two_cpus() -> Result<(), FidelityError> {
    let cpus = host::usable_cpus();
    let two = cpus.get(..2).ok_or(FidelityError::Cpus { count: cpus.len() })?;
    host::run_on(two).map_err(|source| FidelityError::Run { program: "lab-fidelity".to_owned(), source })
}

fn measure(
    loss: Loss,
    rate: f64,
    seed: u32,
    loadgen: &Loadgen,
    scenarios: &Scenarios,
    options: &Options,
) -> Result<Cell, FidelityError> {
    match loss {
        Loss::Kernel => {
            let _rule = kernel::DropRule::add(&options.device, rate)?;
            loadgen.measure(seed)
        }
        Loss::Model => {
            let scenario = scenarios.start(rate)?;
            let cell = loadgen.measure(seed)?;
            scenario.end()?;
            Ok(cell)
        }
    }
}
