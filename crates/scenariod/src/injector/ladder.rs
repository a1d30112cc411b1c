//! What follows where plain removal has failed: telling slow from wedged, the restart hook, and putting proxies back
//! that went with a Toxiproxy. Every rung takes a bounded time.

use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::removal::Before;
use super::residue::Residue;
use super::stall::Stall;
use super::{Injector, Spoiled};
use crate::text::format_duration;
use crate::toxiproxy::{NewProxy, Power, Proxy, ToxiproxyError};

/// A Toxiproxy that is merely slow lists its proxies within this time.
const PROBE: Duration = Duration::from_secs(1);
/// How long the hook may take, and then Toxiproxy to answer again.
const HOOK: Duration = Duration::from_secs(30);
const BACK: Duration = Duration::from_secs(15);
const AFTER_RESTART: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

impl Injector {
    /// Removes what this run put on, and sees that it is gone. `budget` is for plain removal. Gives why what was to be
    /// on was not as wanted any more before that.
    pub(crate) async fn heal(&self, budget: Duration) -> Result<Option<Spoiled>, Residue> {
        let mut before = None;
        if self.ledger().suspects().is_empty() {
            before = self.doubt().await;
        }
        if self.ledger().suspects().is_empty() {
            return Ok(before.and_then(Result::err));
        }
        let removed = match self.remove_within(budget, &mut before).await {
            Err(residue) if residue.is_silence() && self.answers(PROBE).await => {
                self.say("toxiproxy is slow, not wedged: trying once more");
                self.remove_within(budget, &mut before).await
            }
            removed => removed,
        };
        match (removed, &self.kit.hook) {
            (Err(residue), Some(hook)) => self.restart(hook, residue, &mut before).await?,
            (removed, _) => removed?,
        }
        let lost = before.and_then(Result::err);
        if lost.is_some() {
            // The loss tells of every restart and every wait up to here; the looks that follow tell of later ones.
            self.restarts.store(self.client().restarts(), Ordering::Relaxed);
            *self.stall.lock() = Stall::default();
        }
        Ok(lost)
    }

    /// Puts back what went with a Toxiproxy, for `limit`.
    pub(crate) async fn restore_within(&self, limit: Duration) {
        let give_up = Instant::now() + limit;
        loop {
            match self.client().with_limit(PROBE).proxies().await {
                Ok(proxies) => return self.restore(&proxies).await,
                Err(error) if Instant::now() >= give_up => {
                    return self.say(format!("cannot see whether every proxy is there: {error}"));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Makes every proxy again that was there before the run and is not there now.
    pub(super) async fn restore(&self, proxies: &[Proxy]) {
        let before = self.snapshot.lock().clone();
        for gone in before.iter().filter(|before| !proxies.iter().any(|now| now.name == before.name)) {
            let Proxy { name, listen, upstream, power, .. } = gone.clone();
            // The address of the lab file: what Toxiproxy said may be its own spelling of it.
            let ours = self.kit.servers.iter().find(|server| server.name == name).cloned();
            let new = ours.unwrap_or(NewProxy { name, listen, upstream });
            let mut made = self.client().create_proxy(&new).await;
            if made.is_ok() && power == Power::Disabled {
                made = self.client().set_power(&new.name, power).await;
            }
            let NewProxy { name, listen, upstream } = new;
            match made {
                Ok(()) => self.say(format!("made the proxy {name} again: {listen} -> {upstream}")),
                Err(error) => self.say(format!("cannot make the proxy {name} again: {error}")),
            }
        }
    }

    /// A refusal is no proof, nor is a look of long ago: what is there all the same is to be removed, and what cannot
    /// be seen to be gone.
    async fn doubt(&self) -> Before {
        let off = self.ledger().written_off();
        if off.is_empty() {
            return None;
        }
        Some(match self.timed(self.client()).await {
            Ok(proxies) => self.judge(&proxies, &[]).and_then(|()| self.unstalled()),
            // Who is not there holds nothing.
            Err(error @ ToxiproxyError::Connect { .. }) => Err(Spoiled::Unreachable(error)),
            Err(error) => {
                tracing::warn!(%error, "cannot see whether anything is left, removing all of it");
                off.iter().for_each(|step| self.ledger().ask(step));
                self.unstalled()
            }
        })
    }

    async fn answers(&self, limit: Duration) -> bool {
        self.client().with_limit(limit).proxies().await.is_ok()
    }

    /// The one case in which what others put on Toxiproxy is lost by our doing: their toxics live in its memory only.
    async fn restart(&self, hook: &str, residue: Residue, before: &mut Before) -> Result<(), Residue> {
        self.say(format!("running the restart hook: {hook}"));
        let ended = run_hook("sh", hook, HOOK).await;
        self.say(format!("the restart hook {ended}"));
        let noted = serde_json::json!({ "command": hook, "ended": ended.to_string() });
        if let Err(error) = self.journal().note("restart_hook", &noted) {
            tracing::warn!(%error, "the journal is incomplete");
        }
        if matches!(ended, Ended::NotStarted(_)) {
            return Err(residue);
        }
        let give_up = Instant::now() + BACK;
        while !self.answers(PROBE).await {
            if Instant::now() >= give_up {
                return Err(residue);
            }
            tokio::time::sleep(PAUSE).await;
        }
        // That it stood still is what the hook was run for.
        if matches!(before, None | Some(Ok(()) | Err(Spoiled::Still { .. }))) {
            *before = Some(Err(Spoiled::Hooked));
        }
        self.remove_within(AFTER_RESTART, before).await
    }
}

impl Residue {
    /// Whether it is only that no answer came.
    fn is_silence(&self) -> bool {
        matches!(self.cause, Some(ToxiproxyError::TimedOut { .. } | ToxiproxyError::Broken { .. }))
    }
}

/// How a command of the shell ended, in words that follow "the restart hook".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Ended {
    #[error("succeeded")]
    Well,
    #[error("failed: {0}")]
    Failed(String),
    #[error("cannot be started: {0}")]
    NotStarted(String),
    #[error("took longer than {} and was ended", format_duration(*.0))]
    TooLong(Duration),
}

async fn run_hook(shell: &str, command: &str, limit: Duration) -> Ended {
    let mut shell = Command::new(shell);
    // Ctrl-C is for us, not for a restart half-way.
    shell
        .arg("-c")
        .arg(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child = match shell.spawn() {
        Ok(child) => child,
        Err(error) => return Ended::NotStarted(error.to_string()),
    };
    let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
    match timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ended::Well,
        Ok(Ok(status)) => Ended::Failed(status.to_string()),
        Ok(Err(error)) => Ended::Failed(error.to_string()),
        Err(_) => {
            // With all that it started: a restart that goes on behind our back could end what comes back meanwhile.
            if let Some(Err(error)) = group.map(|group| kill_process_group(group, Signal::KILL)) {
                tracing::warn!(%error, "cannot end the restart hook");
            }
            Ended::TooLong(limit)
        }
    }
}

#[cfg(test)]
mod tests {
    use testkit::{eventually, secs};

    use super::*;

    async fn ended(command: &str) -> String {
        run_hook("sh", command, HOOK).await.to_string()
    }

    #[tokio::test]
    async fn how_a_hook_ended_is_told() {
        assert_eq!(ended("true").await, "succeeded");
        assert_eq!(ended("exit 7").await, "failed: exit status: 7");
        assert_eq!(ended("/no/such/program").await, "failed: exit status: 127");
        assert_eq!(ended("kill -9 $$").await, "failed: signal: 9 (SIGKILL)");
        let ended = run_hook("/no/such/shell", "true", HOOK).await;
        assert_eq!(ended.to_string(), "cannot be started: No such file or directory (os error 2)");
    }

    #[tokio::test]
    async fn a_hook_that_hangs_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let command = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let limit = Duration::from_secs(2);
        assert_eq!(run_hook("sh", &command, limit).await, Ended::TooLong(limit));
        let pid = std::fs::read_to_string(&file).unwrap();
        // What is dead and not yet fetched by its parent has no command line.
        let command_line = format!("/proc/{}/cmdline", pid.trim());
        eventually("the end of what it started", secs(10), || {
            std::fs::read(&command_line).is_ok_and(|line| line.is_empty())
                || !std::fs::exists(&command_line).unwrap()
        });
    }
}
