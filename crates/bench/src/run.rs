//! The whole benchmark: the only file that knows all the measurements and their order.

use std::fs;

use daemon_core::exit::{Exit, print};

use crate::cli::Options;
use crate::error::BenchError;
use crate::goals::{Comparison, Row, Verdict};
use crate::report::Report;
use crate::rounds::turns;
use crate::subject::{Bench, Case, Mix, Subject};
use crate::{host, memory, pace, programs, scrape, start};

const OPEN_FILES: u64 = memory::MANY as u64 + 100;

const CASES: [Case; 5] = [
    Case { connections: 32, mix: Mix::Get, threads: 1 },
    Case { connections: 32, mix: Mix::NinetyTen, threads: 1 },
    Case { connections: 100, mix: Mix::Get, threads: 1 },
    Case { connections: 100, mix: Mix::NinetyTen, threads: 1 },
    Case { connections: 64, mix: Mix::NinetyTen, threads: 2 },
];

/// Measures, prints the report and writes it where asked.
pub(crate) fn run(options: &Options) -> Result<Exit, BenchError> {
    let asked = |subject| options.subjects.contains(&subject);
    let loadgen = match programs::loadgen(options.loadgen.as_deref()) {
        Err(_) if !asked(Subject::Loadgen) => std::path::PathBuf::new(),
        found => found?,
    };
    let bench = Bench::new(loadgen, host::two_cpus()?)?;
    host::raise_open_files(OPEN_FILES)?;

    let comparisons = compare(&bench, options)?;
    let mut rows: Vec<Row> = comparisons.iter().flat_map(Comparison::rows).collect();
    if asked(Subject::Loadgen) {
        eprintln!("memory, pace, scrape, start");
        rows.extend(memory::rows(&bench)?);
        rows.extend(pace::rows(&bench, options.rounds)?);
        rows.extend(scrape::rows(&bench, options.rounds)?);
        rows.extend(start::rows(&bench, options.rounds)?);
    }

    let missed = rows.iter().any(|row| matches!(row.verdict(), Verdict::Missed(_)));
    let mut machine = host::description();
    let (node, peer) = (host::version("memcached", "-V"), host::version("memcaslap", "-V"));
    machine.push(format!("{node} with one thread, {peer} of libmemcached-tools"));
    let report = Report { machine, rows, comparisons, options }.to_string();
    let _ = print(&report); // the file below matters more than a terminal that went away
    if let Some(path) = &options.report {
        let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
        parent
            .and_then(|()| fs::write(path, &report))
            .map_err(|source| BenchError::Write { path: path.clone(), source })?;
    }
    Ok(if missed { Exit::Failed } else { Exit::Ok })
}

/// Every subject of every case once per round, so that whatever disturbs the machine disturbs all of them.
fn compare(bench: &Bench, options: &Options) -> Result<Vec<Comparison>, BenchError> {
    let mut comparisons: Vec<Comparison> = CASES
        .into_iter()
        .map(|case| {
            let takes_part = |subject: &&Subject| {
                // The floor and memaslap are compared on one thread only.
                options.subjects.contains(subject)
                    && (case.threads == 1 || matches!(subject, Subject::Bare | Subject::Loadgen))
            };
            let subjects = Subject::ALL.iter().filter(takes_part);
            Comparison { case, series: subjects.map(|subject| (*subject, Vec::new())).collect() }
        })
        .collect();
    for round in 0..options.rounds {
        eprintln!("round {} of {}", round + 1, options.rounds);
        for Comparison { case, series } in &mut comparisons {
            for turn in turns(round as usize, series.len()) {
                let (subject, readings) = &mut series[turn];
                readings.push(bench.measure(*subject, *case, options.window)?);
            }
        }
    }
    Ok(comparisons)
}
