//! Removes all toxics of a run, and decides what follows when that fails: another try at a slow Toxiproxy, the restart hook
//! for a wedged one. Every step takes a bounded time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::hook::{HookEnd, run_hook};
use super::residue::Residue;
use super::restore::{PROBE, PROBE_PAUSE};
use super::run_removal::CheckBeforeRemoval;
use super::{Disturbance, Injector, SilenceWatch};
use crate::toxiproxy::ToxiproxyError;

/// How long the hook may take.
const HOOK: Duration = Duration::from_secs(30);
/// How long Toxiproxy may take to answer after the hook.
const RESTART: Duration = Duration::from_secs(15);
/// How long removal is tried after a restart.
const AFTER_RESTART: Duration = Duration::from_secs(5);

impl Injector {
    /// Removes the toxics of this run and reads back that they are gone. `budget` is for the first removal. Gives the
    /// disturbance of the time before, if there was one.
    pub(crate) async fn heal(&self, budget: Duration) -> Result<Option<Disturbance>, Residue> {
        let mut before = None;
        if self.ledger().suspects().is_empty() {
            before = self.check_known_off().await;
        }
        if self.ledger().suspects().is_empty() {
            return Ok(before.and_then(Result::err));
        }
        let removed = match self.remove_within(budget, &mut before).await {
            Err(residue) if residue.is_silence() && self.is_answering().await => {
                self.say("toxiproxy is slow, not wedged: trying once more");
                self.remove_within(budget, &mut before).await
            }
            removed => removed,
        };
        match (removed, &self.parts.hook) {
            (Err(residue), Some(hook)) => self.restart(hook, residue, &mut before).await?,
            (removed, _) => removed?,
        }
        let disturbance = before.and_then(Result::err);
        if disturbance.is_some() {
            // The disturbance covers every restart and every wait so far. Later checks report later ones only.
            self.restarts.store(self.client().restarts(), Ordering::Relaxed);
            *self.silence.lock() = SilenceWatch::default();
        }
        Ok(disturbance)
    }

    /// Reads Toxiproxy once more for toxics that are off as far as known: a toxic can be there although the call was
    /// refused, or since the last reading. Those that are there become suspects, and all of them if that cannot be read.
    async fn check_known_off(&self) -> CheckBeforeRemoval {
        let off = self.ledger().known_off();
        if off.is_empty() {
            return None;
        }
        Some(match self.read_timed(self.client()).await {
            Ok(proxies) => self.check(&proxies, &[]).and_then(|()| self.check_silence()),
            // A Toxiproxy that is not running holds nothing.
            Err(error @ ToxiproxyError::Connect { .. }) => Err(Disturbance::Unreachable(error)),
            Err(error) => {
                tracing::warn!(%error, "cannot check that nothing is left, removing all of it");
                off.iter().for_each(|leased| self.ledger().request(leased));
                self.check_silence()
            }
        })
    }

    async fn is_answering(&self) -> bool {
        self.client().with_limit(PROBE).proxies().await.is_ok()
    }

    /// Runs the restart hook, then removes again. This is the only case in which toxics of others are lost: they live in
    /// Toxiproxy's memory.
    async fn restart(
        &self,
        hook: &str,
        residue: Residue,
        before: &mut CheckBeforeRemoval,
    ) -> Result<(), Residue> {
        self.say(format!("running the restart hook: {hook}"));
        let end = run_hook("sh", hook, HOOK).await;
        self.say(format!("the restart hook {end}"));
        let note = serde_json::json!({ "command": hook, "ended": end.to_string() });
        if let Err(error) = self.journal().record_note("restart_hook", &note) {
            tracing::warn!(%error, "the journal is incomplete");
        }
        if matches!(end, HookEnd::NotStarted(_)) {
            return Err(residue);
        }
        let deadline = Instant::now() + RESTART;
        while !self.is_answering().await {
            if Instant::now() >= deadline {
                return Err(residue);
            }
            tokio::time::sleep(PROBE_PAUSE).await;
        }
        // A Toxiproxy that did not answer was the reason for the hook: the hook is what users need to hear of.
        if matches!(before, None | Some(Ok(()) | Err(Disturbance::Unresponsive { .. }))) {
            *before = Some(Err(Disturbance::HookRun));
        }
        self.remove_within(AFTER_RESTART, before).await
    }
}

impl Residue {
    /// Whether calls failed only because no answer came.
    fn is_silence(&self) -> bool {
        matches!(self.cause, Some(ToxiproxyError::TimedOut { .. } | ToxiproxyError::Broken { .. }))
    }
}
