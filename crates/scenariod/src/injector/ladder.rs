//! What follows where plain removal has failed: telling slow from wedged, the restart hook, and putting proxies back
//! that went with a Toxiproxy. Every rung takes a bounded time.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::residue::Residue;
use super::{Injector, Spoiled, lock};
use crate::machine::Hold;
use crate::toxiproxy::{NewProxy, Power, Proxy, ToxiproxyError};

/// A Toxiproxy that is merely slow lists its proxies within this time.
const PROBE: Duration = Duration::from_secs(1);
/// How long the hook may take, and then Toxiproxy to answer again.
const HOOK: Duration = Duration::from_secs(30);
const BACK: Duration = Duration::from_secs(15);
const AFTER_RESTART: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

impl Injector {
    /// Removes what this run put on, and sees that it is gone. `budget` is for plain removal.
    pub(crate) async fn heal(&self, budget: Duration) -> Result<Hold, Residue> {
        if self.ledger().suspects().is_empty() {
            return Ok(Hold::Held);
        }
        let residue = match self.remove_within(budget).await {
            Err(residue) if residue.is_silence() && self.answers(PROBE).await => {
                self.say("toxiproxy is slow, not wedged: trying once more");
                self.remove_within(budget).await
            }
            removed => removed,
        };
        match (residue, &self.kit.hook) {
            (Err(residue), Some(hook)) => self.restart(hook, residue).await,
            (removed, _) => removed,
        }
    }

    /// Puts back what went with a Toxiproxy, for `limit`.
    pub(crate) async fn restore_within(&self, limit: Duration) {
        let give_up = Instant::now() + limit;
        loop {
            match self.client().within(PROBE).proxies().await {
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
        let before = lock(&self.snapshot).clone();
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

    async fn answers(&self, limit: Duration) -> bool {
        self.client().within(limit).proxies().await.is_ok()
    }

    /// The one case in which what others put on Toxiproxy is lost by our doing: their toxics live in its memory only.
    async fn restart(&self, hook: &str, residue: Residue) -> Result<Hold, Residue> {
        self.say(format!("running the restart hook: {hook}"));
        let ended = run_hook(hook).await;
        self.say(format!("the restart hook {ended}"));
        let noted = serde_json::json!({ "command": hook, "ended": ended });
        if let Err(error) = self.journal().note("restart_hook", &noted) {
            tracing::warn!(%error, "the journal is incomplete");
        }
        let give_up = Instant::now() + BACK;
        while !self.answers(PROBE).await {
            if Instant::now() >= give_up {
                return Err(residue);
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.lose(Spoiled::Hooked);
        self.remove_within(AFTER_RESTART).await.map(|_| Hold::Lost)
    }
}

impl Residue {
    /// Whether it is only that no answer came.
    fn is_silence(&self) -> bool {
        matches!(self.cause, Some(ToxiproxyError::TimedOut { .. } | ToxiproxyError::Broken { .. }))
    }
}

/// How a command of the shell ended, in words that follow "the restart hook".
async fn run_hook(command: &str) -> String {
    let mut shell = Command::new("sh");
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
        Err(error) => return format!("cannot be started: {error}"),
    };
    match timeout(HOOK, child.wait()).await {
        Ok(Ok(status)) if status.success() => "succeeded".to_owned(),
        Ok(Ok(status)) => format!("failed: {status}"),
        Ok(Err(error)) => format!("failed: {error}"),
        Err(_) => format!("took longer than {} s and was ended", HOOK.as_secs()),
    }
}
