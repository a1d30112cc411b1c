//! A child process: started so that it never outlives the test, its output kept and shown when the test fails.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::Duration;
use std::{env, io, thread};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};
use tempfile::TempDir;

use crate::wait::eventually;

const TAIL: usize = 40; // lines shown of each stream
const ATTEMPTS: usize = 5;
const START: Duration = Duration::from_secs(30);

pub(crate) struct Process {
    name: String,
    child: Mutex<Child>,
    output: TempDir,
}

impl Process {
    /// Starts `command`, without the variables that configure the lab: a test means what it writes.
    #[track_caller]
    pub(crate) fn start(name: &str, mut command: Command) -> Self {
        let output = tempfile::tempdir().expect("temporary folder");
        let stream = |file: &str| File::create(output.path().join(file)).expect("output file");
        command.stdin(Stdio::null()).stdout(stream("stdout")).stderr(stream("stderr"));
        for (key, _) in env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("LAB_")) {
            if !command.get_envs().any(|(set, _)| set == key) {
                command.env_remove(key);
            }
        }
        let shown = format!("{command:?}");
        let child = spawn(command).unwrap_or_else(|error| panic!("cannot start {name}: {error}: {shown}"));
        Self { name: name.to_owned(), child: Mutex::new(child), output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    /// Does nothing to a process that has ended: its number may be another's by now. SIGSTOP has stopped every thread
    /// when this returns.
    pub(crate) fn signal(&self, signal: Signal) {
        let mut child = self.child();
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("pid");
        let fail = |error| panic!("cannot signal {}: {error}", self.name);
        rustix::process::kill_process(pid, signal).unwrap_or_else(fail);
        if signal == Signal::STOP {
            // NOWAIT: should it end instead, its exit status stays for `exited`.
            let change = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            rustix::process::waitid(WaitId::Pid(pid), change).map(drop).unwrap_or_else(fail);
        }
    }

    pub(crate) fn exited(&self) -> Option<ExitStatus> {
        self.child().try_wait().unwrap_or_else(|error| panic!("cannot wait for {}: {error}", self.name))
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(&self) {
        let mut child = self.child();
        let _ = child.kill(); // fails only when it has ended
        let _ = child.wait();
    }

    /// The exit code; a death by a signal is no exit code and fails the test.
    #[track_caller]
    pub(crate) fn wait_exit(&self, deadline: Duration) -> i32 {
        eventually(&format!("the end of {}", self.name), deadline, || self.exited().is_some());
        let status = self.exited().expect("has ended");
        status.code().unwrap_or_else(|| panic!("{} was killed by signal {:?}", self.name, status.signal()))
    }

    pub(crate) fn stdout(&self) -> String {
        self.stream("stdout")
    }

    pub(crate) fn stderr(&self) -> String {
        self.stream("stderr")
    }

    /// The end of both streams, for a failure's message.
    fn tail(&self) -> String {
        let mut shown = String::new();
        for stream in ["stdout", "stderr"] {
            let text = self.stream(stream);
            let lines: Vec<_> = text.lines().collect();
            for line in &lines[lines.len().saturating_sub(TAIL)..] {
                shown += &format!("{} {stream} | {line}\n", self.name);
            }
        }
        shown
    }

    fn stream(&self, file: &str) -> String {
        let bytes = fs::read(self.output.path().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprint!("{}", self.tail());
        }
    }
}

/// A process that tests end, stop and start again where they share it.
pub(crate) struct Shared(Mutex<Process>);

impl Shared {
    pub(crate) fn new(process: Process) -> Self {
        Self(Mutex::new(process))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.lock().pid()
    }

    /// SIGKILL: connections are reset, later ones are refused.
    pub(crate) fn kill(&self) {
        self.lock().kill();
    }

    /// SIGSTOP: what the kernel does for it goes on, and nothing else.
    pub(crate) fn pause(&self) {
        self.lock().signal(Signal::STOP);
    }

    /// Ends a pause.
    pub(crate) fn resume(&self) {
        self.lock().signal(Signal::CONT);
    }

    /// Kills it where it runs, then starts its successor.
    #[track_caller]
    pub(crate) fn restart(&self, start: impl FnOnce() -> Process) {
        let mut process = self.lock();
        process.kill();
        *process = start();
    }

    fn lock(&self) -> MutexGuard<'_, Process> {
        self.0.lock().unwrap_or_else(|poison| poison.into_inner())
    }
}

/// Starts a program that binds ports, until `ready`. `plan` is asked again for new ports when another process was faster.
#[track_caller]
pub(crate) fn launch<P>(
    name: &str,
    plan: impl Fn() -> (P, Command),
    ready: impl Fn(&P, u32) -> bool,
) -> (P, Process) {
    for _ in 0..ATTEMPTS {
        let (ports, command) = plan();
        let process = Process::start(name, command);
        eventually(&format!("an answer of {name}"), START, || {
            process.exited().is_some() || ready(&ports, process.pid())
        });
        match process.exited() {
            None => return (ports, process),
            Some(_) if process.tail().to_lowercase().contains("address already in use") => {}
            Some(status) => panic!("{name} ended at its start: {status}"), // its output is shown on drop
        }
    }
    panic!("{name}: every port tried was taken by another process, {ATTEMPTS} times");
}

type Order = (Command, Sender<io::Result<Child>>);

/// Children are tied to the thread that forks them, not to the process: so one thread forks them all and lives as long as the process.
static NURSERY: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (orders, inbox) = channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in inbox {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

#[allow(unsafe_code, reason = "only a hook between fork and exec can tie the child to us")]
fn spawn(mut command: Command) -> io::Result<Child> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let tie = move || {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above.
            if rustix::process::getppid() == Some(parent) {
                Ok(())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        };
        // SAFETY: two system calls, no allocation, no lock.
        unsafe { command.pre_exec(tie) };
    }
    let (answer, result) = channel();
    NURSERY
        .lock()
        .unwrap_or_else(|poison| poison.into_inner())
        .send((command, answer))
        .map_err(io::Error::other)?;
    result.recv().map_err(io::Error::other)?
}
