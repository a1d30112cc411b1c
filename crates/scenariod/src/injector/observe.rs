//! Reads Toxiproxy during a run and checks that it holds what the run has left there. Changes nothing.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::disturbance::{ExpectedState, find_disturbance};
use super::presence::is_listed;
use super::retry::retry;
use super::{Disturbance, Injector};
use crate::clock::unix_seconds;
use crate::lease::leased_toxic::LeasedToxic;
use crate::toxiproxy::{Client, Proxy, ToxiproxyError};

impl Injector {
    /// Checks that everything is as this run left it, at any time after the preflight. A slow Toxiproxy is not a
    /// disturbance, a silent one is. May be dropped at any await.
    pub(crate) async fn watch(&self, stop: &CancellationToken) -> Result<(), Disturbance> {
        match self.read(stop).await {
            None => return Ok(()),
            Some(Ok(proxies)) => self.check(&proxies, &[])?,
            Some(Err(error @ ToxiproxyError::Connect { .. })) => return Err(Disturbance::Unreachable(error)),
            Some(Err(error)) => tracing::warn!(%error, "cannot read what toxiproxy holds"),
        }
        self.check_silence()
    }

    /// Checks how long a `watch` that was dropped had waited for its answer.
    pub(crate) fn check_dropped_watch(&self) -> Result<(), Disturbance> {
        self.silence.lock().still_waiting(Instant::now());
        self.check_silence()
    }

    pub(super) fn check_silence(&self) -> Result<(), Disturbance> {
        self.silence.lock().check()
    }

    /// Every proxy. `None`: stopped.
    pub(super) async fn read(&self, stop: &CancellationToken) -> Option<Result<Vec<Proxy>, ToxiproxyError>> {
        retry(stop, || self.read_timed(self.client())).await
    }

    /// Every proxy. The silence watch measures how long the answer takes.
    pub(super) async fn read_timed(&self, client: &Client) -> Result<Vec<Proxy>, ToxiproxyError> {
        self.silence.lock().call_started(Instant::now());
        let read = client.proxies().await;
        if matches!(read, Err(ToxiproxyError::TimedOut { .. })) {
            self.silence.lock().still_waiting(Instant::now());
        } else {
            self.silence.lock().call_ended(Instant::now());
        }
        read
    }

    /// Checks proxies that were read. A toxic in `optional` may be there or not. A toxic that was known to be off and is
    /// there becomes a suspect, whatever else is wrong.
    pub(super) fn check(&self, proxies: &[Proxy], optional: &[LeasedToxic]) -> Result<(), Disturbance> {
        let off = self.ledger().known_off();
        off.iter()
            .filter(|leased| is_listed(leased, proxies))
            .for_each(|leased| self.ledger().request(leased));
        if self.client().restarts() != self.restarts.load(Ordering::Relaxed) {
            return Err(Disturbance::Restarted);
        }
        let on = self.ledger().known_on();
        let expected = ExpectedState {
            servers: &self.parts.servers,
            run: self.run(),
            on: &on,
            optional,
            foreign: self.parts.foreign,
            now: unix_seconds(),
        };
        find_disturbance(proxies, &expected).map_or(Ok(()), Err)
    }
}
