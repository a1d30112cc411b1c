//! Starts the services that `files` wrote: installs the changed ones, starts the supervisor, and waits until every part answers. It runs
//! runit's programs and the parts' own checks.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use daemon_core::exit::{Exit, Failure, UserError, print};

use crate::changes::{Change, ChangesError, changes};
use crate::home::Home;
use crate::processes::{MEMBER, Role, SUPERVISOR, members};
use crate::services::{self, Service};

/// A part that has not answered for this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(100);

/// The services cannot be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Changes(#[from] ChangesError),
    #[error("cannot install {}", .path.display())]
    Install { path: PathBuf, source: io::Error },
    #[error("cannot start {}", .program.display())]
    Program { program: PathBuf, source: io::Error },
    #[error("{name} does not answer at {address} after {} s{log}", PATIENCE.as_secs())]
    Silent { name: String, address: String, log: String },
}

impl UserError for StartError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        match self {
            StartError::Silent { name, .. } => {
                Some(format!("`just logs {name}` shows why; `just down` stops the other parts"))
            }
            StartError::Changes(_) | StartError::Install { .. } | StartError::Program { .. } => None,
        }
    }
}

/// Starts the parts with these names, which are in the order of their start.
pub(crate) fn start(home: &Home, programs: &Path, parts: &[String]) -> Result<(), Failure> {
    for change in changes(&home.services(), &home.new_services()).map_err(StartError::from)? {
        apply(home, programs, &change)?;
    }
    // Nothing is lost if this fails: the next `lab write` begins with it.
    let _ = fs::remove_dir_all(home.new_services());
    start_supervisor(home, programs)?;
    for name in parts {
        wait_until_up(&Service::open(home, name))?;
    }
    Ok(())
}

fn apply(home: &Home, programs: &Path, change: &Change) -> Result<(), Failure> {
    let place = |name: &str| (home.new_services().join(name), home.services().join(name));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Install { path, source }
    };
    match change {
        Change::Remove(name) => {
            print(&format!("removing {name}\n"))?;
            let (_, old) = place(name);
            sv(programs, "force-shutdown", &old);
            fs::remove_dir_all(&old).map_err(failed(&old))?;
        }
        Change::Add(name) => {
            let (new, to) = place(name);
            fs::create_dir_all(home.services()).and_then(|()| fs::rename(new, &to)).map_err(failed(&to))?;
        }
        Change::Restart(name) => {
            let (new, to) = place(name);
            for file in services::FILES {
                fs::rename(new.join(file), to.join(file)).map_err(failed(&to))?;
            }
            if Service::open(home, name).pid().is_some() {
                print(&format!("restarting {name}, which changed\n"))?;
                sv(programs, "try-restart", &to);
            }
        }
    }
    Ok(())
}

/// A failure needs no report here: the part's check finds it.
fn sv(programs: &Path, command: &str, service: &Path) {
    let mut sv = Command::new(programs.join("sv"));
    let _ = sv.args(["-w", "15", command]).arg(service).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

fn start_supervisor(home: &Home, programs: &Path) -> Result<(), StartError> {
    if members(home).iter().any(|process| process.role == Role::Supervisor) {
        return Ok(());
    }
    let failed = |source| StartError::Program { program: programs.join("runsvdir"), source };
    // runsvdir searches PATH for runsv. A folder with a colon in its name cannot be in PATH, so PATH names the folder of the services.
    let link = home.services().join("runsv");
    match fs::remove_file(&link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => symlink(programs.join("runsv"), &link).map_err(failed)?,
    }
    let log = File::create(home.join("log/runsvdir.log")).map_err(failed)?;
    // A session of its own: the lab outlives the terminal, and Ctrl-C in `up` does not reach it.
    let mut supervisor = Command::new("setsid");
    supervisor.arg(programs.join("runsvdir")).arg("-P").arg(home.services());
    supervisor.env_remove(MEMBER).env(SUPERVISOR, home.id()).env("PATH", ".:/usr/bin:/bin");
    supervisor.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
    supervisor.spawn().map_err(failed)?;
    Ok(())
}

fn wait_until_up(service: &Service) -> Result<(), Failure> {
    print(&format!("waiting for {:<12} {:<28} ", service.name(), service.shown_address()))?;
    let deadline = Instant::now() + PATIENCE;
    while !service.answers() {
        if Instant::now() >= deadline {
            print("no answer\n")?;
            let log = service
                .last_log_lines()
                .map(|lines| format!("; its last lines:\n{lines}"))
                .unwrap_or_default();
            let (name, address) = (service.name().to_owned(), service.address());
            return Err(StartError::Silent { name, address, log }.into());
        }
        pause();
    }
    print("up\n")?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "another process is polled, and nothing else happens here")]
fn pause() {
    thread::sleep(STEP);
}
