//! Creates proxies again that were lost when Toxiproxy restarted.

use std::time::Duration;

use tokio::time::Instant;

use super::Injector;
use crate::toxiproxy::{NewProxy, Power, Proxy};

/// The limit of one reading. A Toxiproxy that is merely slow lists its proxies within this time.
pub(super) const PROBE: Duration = Duration::from_secs(1);
/// The pause between two readings.
pub(super) const PROBE_PAUSE: Duration = Duration::from_millis(200);

impl Injector {
    /// Tries for `limit` to create the proxies again that a restart has lost.
    pub(crate) async fn restore_within(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        loop {
            match self.client().with_limit(PROBE).proxies().await {
                Ok(proxies) => return self.restore_proxies(&proxies).await,
                Err(error) if Instant::now() >= deadline => {
                    return self.say(format!("cannot check that every proxy is there: {error}"));
                }
                Err(_) => tokio::time::sleep(PROBE_PAUSE).await,
            }
        }
    }

    /// Creates every proxy again that the preflight found and that is missing in `proxies`.
    pub(super) async fn restore_proxies(&self, proxies: &[Proxy]) {
        let before = self.snapshot.lock().clone();
        for lost in before.iter().filter(|before| !proxies.iter().any(|now| now.name == before.name)) {
            let Proxy { name, listen, upstream, power, .. } = lost.clone();
            // The address of the lab file comes first: Toxiproxy may spell it differently.
            let configured = self.parts.servers.iter().find(|server| server.name == name).cloned();
            let new = configured.unwrap_or(NewProxy { name, listen, upstream });
            let mut created = self.client().create_proxy(&new).await;
            if created.is_ok() && power == Power::Disabled {
                created = self.client().set_power(&new.name, power).await;
            }
            let NewProxy { name, listen, upstream } = new;
            match created {
                Ok(()) => self.say(format!("created the proxy {name} again: {listen} -> {upstream}")),
                Err(error) => self.say(format!("cannot create the proxy {name} again: {error}")),
            }
        }
    }
}
