//! The processes of a lab. Each has the lab's id in its environment, whatever its parent is. Nothing is ended here.

use std::ffi::{OsStr, OsString};

use procfs::process::{Process, all_processes};

use crate::home::Home;

/// Set for the parts of a lab and for the daemons that are started beside them.
pub(crate) const MEMBER: &str = "LAB_MEMBER";
/// Set for runit's processes.
pub(crate) const SUPERVISOR: &str = "LAB_SUPERVISOR";

/// What a process of the lab does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `runsvdir`, which starts a `runsv` for each service.
    Supervisor,
    /// Another process of runit: `runsv`, which restarts its service, or the service's logger.
    Runit,
    /// A part of the lab.
    Service,
    /// A daemon beside the services, such as a scenario.
    Daemon,
}

/// A process of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabProcess {
    pub(crate) pid: i32,
    pub(crate) role: Role,
    pub(crate) command: String,
}

/// Every process of this lab that this user may inspect. A process that has ended and waits for its parent does not count.
pub(crate) fn members(home: &Home) -> Vec<LabProcess> {
    let supervised = supervised(home);
    let processes = all_processes().into_iter().flatten().flatten();
    processes.filter_map(|process| member(&process, home, &supervised)).collect()
}

/// The process of this lab with this id, if it still is one.
pub(crate) fn still(home: &Home, pid: i32) -> Option<LabProcess> {
    member(&Process::new(pid).ok()?, home, &supervised(home))
}

/// Whether a process belongs to this lab. `None` if this user may not inspect the process.
pub(crate) fn belongs(process: &Process, home: &Home) -> Option<bool> {
    let environment = process.environ().ok()?;
    let has = |name| environment.get(OsStr::new(name)).is_some_and(|id| id == home.id());
    Some(has(MEMBER) || has(SUPERVISOR))
}

/// The command line of a process, cut to the length of a message. Empty if this user may not read it.
pub(crate) fn command(process: &Process) -> String {
    const LONGEST: usize = 80;
    let words = process.cmdline().unwrap_or_default().join(" ");
    let printable = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST).collect::<String>().trim_end().to_owned()
}

fn member(process: &Process, home: &Home, supervised: &[i32]) -> Option<LabProcess> {
    let environment = process.environ().ok()?;
    let has = |name| environment.get(OsStr::new(name)).is_some_and(|id: &OsString| id == home.id());
    let stat = process.stat().ok().filter(|stat| stat.state != 'Z')?;
    let role = match (has(MEMBER), has(SUPERVISOR)) {
        (true, _) if supervised.contains(&process.pid) => Role::Service,
        (true, _) => Role::Daemon,
        (false, true) if stat.comm == "runsvdir" => Role::Supervisor,
        (false, true) => Role::Runit,
        (false, false) => return None,
    };
    Some(LabProcess { pid: process.pid, role, command: command(process) })
}

/// The process ids in the files of runit.
fn supervised(home: &Home) -> Vec<i32> {
    let services = std::fs::read_dir(home.services()).into_iter().flatten().flatten();
    let pid = |service: std::fs::DirEntry| {
        std::fs::read_to_string(service.path().join("supervise/pid")).ok()?.trim().parse().ok()
    };
    services.filter_map(pid).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn sleeper(variable: &str, id: &str) -> Child {
        Command::new("sleep").arg("60").env(variable, id).stdout(Stdio::null()).spawn().unwrap()
    }

    #[test]
    fn a_process_is_found_by_the_id_in_its_environment_and_gone_when_it_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let mut children =
            [sleeper(MEMBER, home.id()), sleeper(SUPERVISOR, home.id()), sleeper(MEMBER, "other")];
        let pid = |child: &Child| i32::try_from(child.id()).unwrap();
        let found = |child: &Child| members(&home).into_iter().find(|process| process.pid == pid(child));
        let [daemon, runit, other] = [0, 1, 2].map(|index| found(&children[index]));
        // No waiting process may be reaped before it is looked at again.
        children.iter_mut().for_each(|child| child.kill().unwrap());
        while std::fs::read_to_string(format!("/proc/{}/stat", children[0].id()))
            .is_ok_and(|stat| !stat.contains(") Z "))
        {}
        let ended = found(&children[0]);
        children.iter_mut().for_each(|child| drop(child.wait()));
        assert_eq!(
            daemon.map(|process| (process.role, process.command)),
            Some((Role::Daemon, "sleep 60".to_owned()))
        );
        assert_eq!(runit.map(|process| process.role), Some(Role::Runit));
        assert_eq!((other, ended), (None, None));
    }
}
