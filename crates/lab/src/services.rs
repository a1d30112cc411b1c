//! The supervised services, as read from their folders: name, address, process, log, and whether each answers.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::changes::{ChangesError, names};
use crate::home::Home;

/// The files of a service that `lab write` makes. runit's own files are beside them.
pub(crate) const FILES: [&str; 5] = ["run", "check", "address", "stamp", "log/run"];
const LOG_LINES: usize = 5;

/// A supervised service.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    name: String,
    folder: PathBuf,
    log: PathBuf,
}

/// All services, in the order of their names.
pub(crate) fn all(home: &Home) -> Result<Vec<Service>, ChangesError> {
    Ok(names(&home.services())?.iter().map(|name| Service::open(home, name)).collect())
}

impl Service {
    /// The service with this name. Its folder is read later.
    pub(crate) fn open(home: &Home, name: &str) -> Service {
        let log = home.join("log").join(name).join("current");
        Service { name: name.to_owned(), folder: home.services().join(name), log }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The newest file of its log.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id, if it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.folder.join("supervise/pid")).ok()?.trim().parse().ok()
    }

    /// Where it listens; empty if it has no such file.
    pub(crate) fn address(&self) -> String {
        fs::read_to_string(self.folder.join("address")).unwrap_or_default().trim().to_owned()
    }

    /// Where it listens, as a link if it serves HTTP.
    pub(crate) fn shown_address(&self) -> String {
        let check = fs::read_to_string(self.folder.join("check")).unwrap_or_default();
        format!("{}{}", if check.contains(" http ") { "http://" } else { "" }, self.address())
    }

    /// Runs its check, which ends within two seconds.
    pub(crate) fn answers(&self) -> bool {
        let mut check = Command::new(self.folder.join("check"));
        check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        check.status().is_ok_and(|status| status.success())
    }

    /// The end of its log. `None` if it has no log.
    pub(crate) fn last_log_lines(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&fs::read(&self.log).ok()?).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        Some(lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")).filter(|lines| !lines.is_empty())
    }
}

/// A line of the status.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) state: &'a str,
    pub(crate) address: &'a str,
    pub(crate) note: &'a str,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<12} {:<5} {:<28} {}", self.name, self.state, self.address, self.note)
    }
}
