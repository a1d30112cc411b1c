//! The processes of a lab, found by the id that their environment carries, whoever their parent is.

use std::ffi::{OsStr, OsString};
use std::fmt;

use daemon_core::exit::{Exit, UserError};
use procfs::process::{Process, all_processes};

use crate::home::Home;

const MEMBER: &str = "LAB_MEMBER";
const SUPERVISOR: &str = "LAB_SUPERVISOR";

/// What a process of the lab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Of runit: it starts a service again that ends.
    Supervisor,
    /// A part of the lab.
    Service,
    /// Started beside the services, such as a scenario.
    Run,
}

/// One process of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabProcess {
    pub(crate) pid: i32,
    pub(crate) role: Role,
    pub(crate) command: String,
}

/// Processes that are still there.
#[derive(Debug, thiserror::Error)]
pub(crate) struct Left(Vec<LabProcess>);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line =
            |process: &LabProcess| format!("pid {} of the lab still runs ({})", process.pid, process.command);
        f.write_str(&self.0.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

impl UserError for Left {
    fn exit(&self) -> Exit {
        Exit::Setup
    }
}

/// Every process of this lab that may be looked at.
pub(crate) fn members(home: &Home) -> Vec<LabProcess> {
    let supervised = supervised(home);
    let processes = all_processes().into_iter().flatten().flatten();
    processes.filter_map(|process| member(&process, home.id(), &supervised)).collect()
}

/// A line for each: pid and role.
pub(crate) fn members_text(home: &Home) -> String {
    members(home).iter().map(|process| format!("{} {}\n", process.pid, process.role)).collect()
}

/// Refuses where a process of the lab is left.
pub(crate) fn check_nothing_left(home: &Home) -> Result<(), Left> {
    let left = members(home);
    if left.is_empty() { Ok(()) } else { Err(Left(left)) }
}

/// Whether a process belongs to this lab.
pub(crate) fn is_member(process: &Process, home: &Home) -> bool {
    variable(process, MEMBER).is_some_and(|id| id == home.id())
}

/// Its command line, cut to what a message can hold; empty where it may not be read.
pub(crate) fn command(process: &Process) -> String {
    const LONGEST: usize = 80;
    let words = process.cmdline().unwrap_or_default().join(" ");
    words.chars().take(LONGEST).collect::<String>().trim_end().to_owned()
}

fn member(process: &Process, id: &str, supervised: &[i32]) -> Option<LabProcess> {
    let is = |name| variable(process, name).is_some_and(|value| value == id);
    let role = match (is(MEMBER), supervised.contains(&process.pid)) {
        (true, true) => Role::Service,
        (true, false) => Role::Run,
        (false, _) if is(SUPERVISOR) => Role::Supervisor,
        (false, _) => return None,
    };
    Some(LabProcess { pid: process.pid, role, command: command(process) })
}

fn variable(process: &Process, name: &str) -> Option<OsString> {
    process.environ().ok()?.get(OsStr::new(name)).cloned()
}

/// The pids that runit has written down.
fn supervised(home: &Home) -> Vec<i32> {
    let services = std::fs::read_dir(home.services()).into_iter().flatten().flatten();
    let pid = |service: std::fs::DirEntry| {
        std::fs::read_to_string(service.path().join("supervise/pid")).ok()?.trim().parse().ok()
    };
    services.filter_map(pid).collect()
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Supervisor => "supervisor",
            Role::Service => "service",
            Role::Run => "run",
        })
    }
}
