//! Runs the restart hook: a shell command of the lab file that restarts a wedged Toxiproxy.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::timeout;

use crate::text::format_duration;

/// How the command ended. The text follows the words "the restart hook".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HookEnd {
    #[error("succeeded")]
    Succeeded,
    #[error("failed: {0}")]
    Failed(String),
    #[error("could not be started: {0}")]
    NotStarted(String),
    #[error("was killed after {}", format_duration(*.0))]
    TooLong(Duration),
}

/// Runs the command in a shell and waits for at most `limit`.
pub(super) async fn run_hook(shell: &str, command: &str, limit: Duration) -> HookEnd {
    let mut shell = Command::new(shell);
    // A process group of its own: Ctrl-C must not interrupt the restart.
    shell
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match shell.spawn() {
        Ok(child) => child,
        Err(error) => return HookEnd::NotStarted(error.to_string()),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    match timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => HookEnd::Succeeded,
        Ok(Ok(status)) => HookEnd::Failed(status.to_string()),
        Ok(Err(error)) => HookEnd::Failed(error.to_string()),
        Err(_) => {
            // Kills its children as well: a restart that goes on later could end the new Toxiproxy.
            if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
                tracing::warn!(%error, "cannot kill the restart hook");
            }
            HookEnd::TooLong(limit)
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::{eventually, secs};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    async fn ended(command: &str) -> String {
        run_hook("sh", command, LIMIT).await.to_string()
    }

    #[tokio::test]
    async fn the_end_of_a_hook_is_described() {
        assert_eq!(ended("true").await, "succeeded");
        assert_eq!(ended("exit 7").await, "failed: exit status: 7");
        assert_eq!(ended("/no/such/program").await, "failed: exit status: 127");
        assert_eq!(ended("kill -9 $$").await, "failed: signal: 9 (SIGKILL)");
        let ended = run_hook("/no/such/shell", "true", LIMIT).await;
        assert_eq!(ended.to_string(), "could not be started: No such file or directory (os error 2)");
    }

    #[tokio::test]
    async fn a_hook_that_hangs_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let command = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let limit = Duration::from_secs(2);
        assert_eq!(run_hook("sh", &command, limit).await, HookEnd::TooLong(limit));
        let pid = std::fs::read_to_string(&file).unwrap();
        // A zombie has no command line.
        let command_line = format!("/proc/{}/cmdline", pid.trim());
        eventually("the end of its child", secs(10), || {
            std::fs::read(&command_line).is_ok_and(|line| line.is_empty())
                || !std::fs::exists(&command_line).unwrap()
        });
    }
}
