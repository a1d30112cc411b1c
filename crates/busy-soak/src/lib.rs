//! Runs scenarios beside other work on this machine and counts their verdicts. Dev only: `just soak-busy` runs it, on release
//! builds. Each result goes to a file, and a run that was ended continues there.
//!
//! `plan` and `summary` are pure, `record` reads and writes the file, `trial` runs one scenario.

mod error;
mod options;
mod plan;
mod record;
mod summary;
mod trial;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use daemon_core::exit::{Exit, report};

use error::SoakError;
use options::Options;
use record::Record;

/// Runs the command line and gives the exit code of the process.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    match Options::try_parse_from(args) {
        Ok(options) => run(&options).unwrap_or_else(|error| report(&error)),
        Err(error) => {
            let _ = error.print(); // there is no other place to report a closed stream
            if error.use_stderr() { Exit::Usage } else { Exit::Ok }
        }
    }
}

fn run(options: &Options) -> Result<Exit, SoakError> {
    let catalogue = trial::catalogue()?;
    let trials = plan::trials(options, &catalogue);
    let mut record = Record::open(&options.folder)?;
    let left: Vec<_> = trials.iter().filter(|trial| !record.has(trial)).cloned().collect();
    say(&format!(
        "{} runs, {} left, about {}; results in {}",
        trials.len(),
        left.len(),
        humantime::format_duration(plan::estimate(&left, options.time_scale)),
        record.path().display()
    ));
    if options.plan {
        return Ok(Exit::Ok);
    }
    let mut lab = None;
    for (number, planned) in (1..).zip(&left) {
        let result = trial::run(planned, options.time_scale, &mut lab)?;
        say(&format!("{number}/{} {planned}: {}", left.len(), result.describe()));
        record.add(result)?;
    }
    let results: Vec<_> = trials.iter().filter_map(|trial| record.find(trial)).collect();
    let page = summary::markdown(&results);
    say(&page);
    if let Some(path) = &options.report {
        std::fs::write(path, &page).map_err(|cause| SoakError::File { path: path.clone(), cause })?;
    }
    Ok(if summary::goals(&results).iter().all(|goal| goal.is_met()) { Exit::Ok } else { Exit::Failed })
}

/// Nothing is left to print to when standard output is closed; the results are in their file.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
