//! Which parts of the lab are up, and their logs.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use daemon_core::exit::{Exit, Failure, UserError, print};
use daemon_core::lab::Lab;

use crate::home::Home;
use crate::parts::Probe;
use crate::service::probe_command;
use crate::services::{Line, Service, all};

/// The logs cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogsError {
    #[error("unknown part `{part}`")]
    UnknownPart { part: String, known: Vec<String> },
    #[error("no journal: scenariod has not run in this lab")]
    NoJournal,
    #[error("cannot run tail")]
    Tail(#[source] io::Error),
}

impl UserError for LogsError {
    fn exit(&self) -> Exit {
        match self {
            LogsError::UnknownPart { .. } => Exit::Usage,
            LogsError::NoJournal | LogsError::Tail(_) => Exit::Setup,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            LogsError::UnknownPart { known, .. } => {
                Some(format!("use one of: {} {SCENARIOD}", known.join(" ")))
            }
            LogsError::NoJournal => Some("`scenariod run NAME` runs a scenario in the foreground".to_owned()),
            LogsError::Tail(_) => None,
        }
    }
}

/// It has no service, because it runs only during a scenario.
const SCENARIOD: &str = "scenariod";

/// Prints a line per part. The exit code is 0 only if every part is up.
pub(crate) fn print_status(home: &Home, lab: &Lab, answers: &Path) -> Result<Exit, Failure> {
    let mut exit = Exit::Ok;
    for service in all(home)? {
        let up = service.answers();
        if !up {
            exit = Exit::Failed;
        }
        let pid = service.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let (address, note) = (service.shown_address(), format!("pid {pid}"));
        let state = if up { "up" } else { "down" };
        print(&Line { name: service.name(), state, address: &address, note: &note }.to_string())?;
    }
    let scenariod = lab.addresses()?.scenariod;
    let words = probe_command(answers, &scenariod, Probe::Http("/health"));
    let busy = words.split_first().is_some_and(|(program, arguments)| {
        Command::new(program).args(arguments).status().is_ok_and(|status| status.success())
    });
    let (state, address) = (if busy { "busy" } else { "idle" }, format!("http://{scenariod}"));
    print(
        &Line { name: SCENARIOD, state, address: &address, note: "(only while a scenario runs)" }.to_string(),
    )?;
    Ok(exit)
}

/// Shows the logs of these parts, or of all, with `tail`. Does not return if `tail` can be run.
pub(crate) fn show_logs(home: &Home, parts: &[String], follow: bool) -> Result<Exit, Failure> {
    let services = all(home)?;
    let mut files: Vec<PathBuf> = Vec::new();
    for part in parts {
        if part == SCENARIOD {
            files.push(newest_journal(home).ok_or(LogsError::NoJournal)?);
            eprintln!("scenariod prints its output where it runs; this is the journal of its newest run:");
            continue;
        }
        let known = || services.iter().map(|service| service.name().to_owned()).collect();
        let unknown = || LogsError::UnknownPart { part: part.clone(), known: known() };
        files.push(
            services.iter().find(|service| service.name() == part).ok_or_else(unknown)?.log().to_owned(),
        );
    }
    if parts.is_empty() {
        files.extend(services.iter().map(|service| Service::log(service).to_owned()));
    }
    let follow = follow.then_some("-F");
    Err(LogsError::Tail(Command::new("tail").args(["-n", "100"]).args(follow).arg("--").args(files).exec())
        .into())
}

fn newest_journal(home: &Home) -> Option<PathBuf> {
    let written = |path: &PathBuf| {
        fs::metadata(path).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
    };
    journals(home.join("state")).into_iter().max_by_key(written)
}

fn journals(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = entries.flat_map(|path| if path.is_dir() { journals(path) } else { vec![path] });
    found.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")).collect()
}
