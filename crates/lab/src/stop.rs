//! Stops a lab: ends its processes in order, then checks that nothing of it is left. It signals only processes that have the
//! lab's id at that moment.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::Lab;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::home::Home;
use crate::ports;
use crate::processes::{LabProcess, Role, members, still};

/// A scenario removes its toxics within this time.
const GRACE: Duration = Duration::from_secs(15);
const KILL_GRACE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(50);

/// The lab is not down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StopError {
    #[error("{0}")]
    Left(Left),
    #[error("cannot remove {}", .path.display())]
    Remove { path: PathBuf, source: io::Error },
}

/// Processes and ports of the lab that are still there.
#[derive(Debug)]
pub(crate) struct Left(Vec<String>);

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the lab is not down:\n  {}", self.0.join("\n  "))
    }
}

impl UserError for StopError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            StopError::Left(_) => {
                Some("stop these processes as the user that started the lab, then run `just down`".to_owned())
            }
            StopError::Remove { .. } => None,
        }
    }
}

/// Stops the lab and removes its services. Without a lab file, the ports are not checked.
pub(crate) fn stop(home: &Home, lab: Option<&Lab>) -> Result<(), StopError> {
    let was_up = home.services().exists();
    // A scenario removes its toxics while Toxiproxy still runs.
    end(home, &[Role::Daemon], Signal::TERM, GRACE);
    // On SIGHUP, runsvdir ends each runsv, which ends its service and its logger.
    end(home, &[Role::Supervisor], Signal::HUP, KILL_GRACE);
    end(home, &[Role::Runit], Signal::TERM, GRACE);
    end(home, &[Role::Service, Role::Daemon, Role::Runit, Role::Supervisor], Signal::TERM, KILL_GRACE);
    let running =
        |process: &LabProcess| format!("pid {} is still running ({})", process.pid, process.command);
    let mut left: Vec<String> = members(home).iter().map(running).collect();
    // Processes of another user are only visible as the holders of ports.
    left.extend(lab.filter(|_| was_up).map(|lab| ports::unknown_holders(home, lab)).unwrap_or_default());
    if !left.is_empty() {
        return Err(StopError::Left(Left(left)));
    }
    for path in [home.services(), home.new_services()] {
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(StopError::Remove { path, source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Ends all processes with these roles, with SIGKILL those that have not ended after `grace`.
fn end(home: &Home, roles: &[Role], signal: Signal, grace: Duration) {
    if !wait(home, roles, signal, grace) {
        wait(home, roles, Signal::KILL, KILL_GRACE);
    }
}

/// Whether no such process is left within the time. Each process gets the signal once; a new process gets it too.
fn wait(home: &Home, roles: &[Role], signal: Signal, time: Duration) -> bool {
    let deadline = Instant::now() + time;
    let mut signalled = Vec::new();
    loop {
        let left: Vec<LabProcess> =
            members(home).into_iter().filter(|process| roles.contains(&process.role)).collect();
        if left.is_empty() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        for process in left {
            if !signalled.contains(&process.pid) {
                send(home, process.pid, signal);
                signalled.push(process.pid);
            }
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "processes of others are polled, and nothing else happens here"
)]
fn pause() {
    thread::sleep(STEP);
}

/// A failure needs no report here: a process that is left is found later.
fn send(home: &Home, pid: i32, signal: Signal) {
    let Some(process) = Pid::from_raw(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()) else {
        return;
    };
    // The descriptor holds on to the process: if this is still a process of the lab, no other process can get the signal.
    if still(home, pid).is_some() {
        let _ = pidfd_send_signal(process, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command};

    use super::*;
    use crate::processes::{MEMBER, SUPERVISOR};

    /// A process without a waiting parent, as services have: the shell ends at once.
    fn orphan(home: &Home, variable: &str, script: &str) {
        let ready = home.join("ready");
        let script = format!("({script}) </dev/null >/dev/null 2>&1 &")
            .replace("READY", &format!("echo >\"{}\"", ready.display()));
        let mut shell: Child = Command::new("sh")
            .args(["-c", &script])
            .env(variable, home.id())
            .process_group(0)
            .spawn()
            .unwrap();
        shell.wait().unwrap();
        while fs::remove_file(&ready).is_err() {}
    }

    #[test]
    fn daemons_end_first_and_a_process_that_ignores_signals_is_killed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let log = folder.path().join("log");
        let trap = |name: &str| {
            format!(
                "trap 'echo {name} >>\"{}\"; exit' TERM; READY; while :; do sleep 0.05; done",
                log.display()
            )
        };
        orphan(&home, SUPERVISOR, &trap("runit"));
        orphan(&home, MEMBER, &trap("daemon"));
        fs::create_dir_all(home.services().join("a")).unwrap();
        stop(&home, None).unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "daemon\nrunit\n");
        assert!(!home.services().exists());

        orphan(&home, MEMBER, "trap '' TERM HUP; READY; while :; do sleep 0.05; done");
        assert!(!wait(&home, &[Role::Daemon], Signal::TERM, Duration::from_millis(300)));
        end(&home, &[Role::Daemon], Signal::TERM, Duration::ZERO);
        assert_eq!(members(&home), []);
    }

    #[test]
    fn a_lab_that_is_not_up_is_stopped_without_error() {
        let folder = tempfile::tempdir().unwrap();
        stop(&Home::open(folder.path()).unwrap(), None).unwrap();
    }
}
