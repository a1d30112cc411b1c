//! Forks children so that the kernel kills them with this process. The only unsafe code of the kit.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex};
use std::thread;

use rustix::process::Signal;

struct SpawnRequest {
    command: Command,
    result: Sender<io::Result<Child>>,
}

/// The kernel ties a child to the thread that forked it, not to the process. So one thread forks them all and lives as
/// long as the process.
static SPAWNER: LazyLock<Mutex<Sender<SpawnRequest>>> = LazyLock::new(|| {
    let (requests, inbox) = channel::<SpawnRequest>();
    thread::spawn(move || {
        for SpawnRequest { mut command, result } in inbox {
            let _ = result.send(command.spawn()); // fails only when the caller has panicked
        }
    });
    Mutex::new(requests)
});

#[allow(unsafe_code, reason = "only a hook between fork and exec can tie the child to this process")]
pub(super) fn spawn(mut command: Command) -> io::Result<Child> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let tie = move || {
            // A shell that runs the tests in the background ignores SIGINT and SIGQUIT, and `nohup` ignores SIGHUP. The
            // daemons would inherit that and keep ignoring them.
            for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                // SAFETY: resets a signal to its default action, in the child only.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above.
            if rustix::process::getppid() == Some(parent) {
                Ok(())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        };
        // SAFETY: system calls only, no allocation, no lock.
        unsafe { command.pre_exec(tie) };
    }
    let (result, child) = channel();
    SPAWNER
        .lock()
        .unwrap_or_else(|poison| poison.into_inner())
        .send(SpawnRequest { command, result })
        .map_err(io::Error::other)?;
    child.recv().map_err(io::Error::other)?
}
