//! What makes a run inconclusive while it is active, found in one reading of Toxiproxy. Pure.

use std::time::Duration;

use super::presence::is_in_effect;
use crate::fault::toxic::ToxicKind;
use crate::lease::leased_toxic::LeasedToxic;
use crate::lease::{Lease, RunId};
use crate::text::format_duration;
use crate::toxiproxy::{NewProxy, Power, Proxy, ProxyToxic, ToxiproxyError};

/// What a run does about other people's toxics. They matter on every node: a verdict compares faulty nodes with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ForeignToxics {
    #[default]
    Refuse,
    /// They are part of what is measured. The run names and records them.
    Allow,
}

/// Why a run has become inconclusive.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Disturbance {
    #[error("injector lost: toxiproxy has restarted")]
    Restarted,
    #[error("injector lost: {0}")]
    Unreachable(ToxiproxyError),
    #[error("injector lost: toxiproxy was wedged and the restart hook was run")]
    HookRun,
    #[error("injector lost: the proxy {server} is gone")]
    Missing { server: String },
    #[error("an injected fault did not stay on: {toxic} on {server} is gone or changed")]
    Gone { server: String, toxic: String },
    /// A guard removes a toxic whose lease is over. Without a guard the fault was on for longer than planned.
    #[error("the lease of the faults ended {} ago and {toxic} on {server} {}: calls took too long, the run was suspended or the clock jumped",
        format_duration(*.late), if *.on { "was still on" } else { "is gone, probably removed by a guard" })]
    LeaseOver { server: String, toxic: String, late: Duration, on: bool },
    #[error("toxiproxy, or scenariod itself, was unresponsive for {}: every connection of the lab goes through toxiproxy", format_duration(*.took))]
    Unresponsive { took: Duration },
    #[error("somebody disabled the proxy {server}")]
    Disabled { server: String },
    #[error("somebody added toxic {toxic} ({kind}) to {server}")]
    Foreign { server: String, toxic: String, kind: String },
    #[error("{toxic} of this run is on {server} although it should be off")]
    Back { server: String, toxic: String },
    #[error("run {run} has injected a fault into {server}")]
    OtherRun { server: String, run: String },
}

impl Disturbance {
    /// Whether Toxiproxy itself was lost: proxies may have to be created again.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Disturbance::Restarted
                | Disturbance::Unreachable(_)
                | Disturbance::HookRun
                | Disturbance::Missing { .. }
        )
    }

    /// Whether the next run is not affected. Toxics of others stay, so they affect it as well.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_loss() || matches!(self, Disturbance::Unresponsive { .. } | Disturbance::LeaseOver { .. })
    }
}

/// What Toxiproxy should hold.
#[derive(Debug)]
pub(super) struct ExpectedState<'a> {
    pub(super) servers: &'a [NewProxy],
    pub(super) run: &'a RunId,
    /// Toxics that have to be there.
    pub(super) on: &'a [LeasedToxic],
    /// Toxics that may be there or not.
    pub(super) optional: &'a [LeasedToxic],
    pub(super) foreign: ForeignToxics,
    /// Seconds since the epoch.
    pub(super) now: u64,
}

/// The worst difference from what is expected. Proxies outside the lab are ignored.
pub(super) fn find_disturbance(proxies: &[Proxy], expected: &ExpectedState<'_>) -> Option<Disturbance> {
    let ExpectedState { servers, on, now, .. } = expected;
    for NewProxy { name, .. } in *servers {
        if !proxies.iter().any(|proxy| proxy.name == *name) {
            return Some(Disturbance::Missing { server: name.clone() });
        }
    }
    let gone = on.iter().find(|leased| !is_in_effect(leased, proxies));
    if let Some(leased) = gone.or(on.first()).filter(|leased| leased.lease.expired(*now)) {
        let (server, toxic) = (leased.server.clone(), leased.lease.to_string());
        let late = Duration::from_secs(now.saturating_sub(leased.lease.deadline));
        return Some(Disturbance::LeaseOver { server, toxic, late, on: gone.is_none() });
    }
    if let Some(leased) = gone {
        return Some(Disturbance::Gone { server: leased.server.clone(), toxic: leased.lease.to_string() });
    }
    let mut lab = proxies.iter().filter(|proxy| servers.iter().any(|server| server.name == proxy.name));
    lab.find_map(|proxy| find_addition(proxy, expected))
}

/// What was added to a proxy of the lab that should not be there.
fn find_addition(proxy: &Proxy, expected: &ExpectedState<'_>) -> Option<Disturbance> {
    let ExpectedState { run, on, optional, foreign, .. } = expected;
    let server = &proxy.name;
    let marked = |leased: &LeasedToxic| leased.server == *server && leased.toxic.kind == ToxicKind::Marker;
    if proxy.power == Power::Disabled && !on.iter().any(marked) {
        return Some(Disturbance::Disabled { server: server.clone() });
    }
    proxy.toxics.iter().find_map(|ProxyToxic { name, kind, .. }| {
        let (server, toxic, kind) = (server.clone(), name.clone(), kind.clone());
        match Lease::parse(name) {
            Some(lease) if on.iter().chain(*optional).any(|leased| leased.lease == lease) => None,
            Some(lease) if lease.run == **run => Some(Disturbance::Back { server, toxic }),
            Some(lease) => Some(Disturbance::OtherRun { server, run: lease.run.to_string() }),
            None if *foreign == ForeignToxics::Refuse => Some(Disturbance::Foreign { server, toxic, kind }),
            None => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use daemon_core::values::Fraction;

    use super::*;
    use crate::fault::toxic::{Stream, Toxic};

    fn disturbance(change: impl FnOnce(&mut Vec<Proxy>), foreign: ForeignToxics) -> Option<String> {
        disturbance_at(9, change, foreign)
    }

    fn disturbance_at(
        now: u64,
        change: impl FnOnce(&mut Vec<Proxy>),
        foreign: ForeignToxics,
    ) -> Option<String> {
        let run = RunId::new(1, 1);
        let step = |server: &str, step, kind| LeasedToxic {
            server: server.into(),
            lease: Lease { run: run.clone(), step, deadline: 9 },
            toxic: Toxic { stream: Stream::Replies, share: Fraction::ONE, kind },
            fault: 0,
        };
        let on = [step("a", 0, ToxicKind::Timeout { timeout: 0 }), step("b", 1, ToxicKind::Marker)];
        let new = |name: &str| NewProxy { name: name.into(), listen: String::new(), upstream: String::new() };
        let servers = [new("a"), new("b"), new("c")];
        let proxy = |name: &str| {
            let toxic = |leased: &LeasedToxic| ProxyToxic {
                name: leased.lease.to_string(),
                kind: "x".into(),
                toxic: Some(leased.toxic),
            };
            Proxy {
                name: name.into(),
                listen: String::new(),
                upstream: String::new(),
                power: if name == "b" { Power::Disabled } else { Power::Enabled },
                toxics: on.iter().filter(|leased| leased.server == name).map(toxic).collect(),
            }
        };
        let mut proxies = ["a", "b", "c", "theirs"].map(proxy).to_vec();
        change(&mut proxies);
        let expected = ExpectedState { servers: &servers, run: &run, on: &on, optional: &[], foreign, now };
        find_disturbance(&proxies, &expected).map(|disturbance| disturbance.to_string())
    }

    fn put(name: &str) -> ProxyToxic {
        ProxyToxic { name: name.into(), kind: "latency".into(), toxic: None }
    }

    #[test]
    fn any_difference_from_what_a_run_expects_is_a_disturbance() {
        let refuse = |change: fn(&mut Vec<Proxy>)| disturbance(change, ForeignToxics::Refuse);
        assert_eq!(refuse(|_| {}), None);
        assert_eq!(refuse(|proxies| proxies[3].toxics.push(put("x"))), None, "not one of the lab's proxies");
        let says = |change: fn(&mut Vec<Proxy>), text: &str| {
            let found = refuse(change).unwrap_or_default();
            assert!(found.starts_with(text), "{found}");
        };
        says(|proxies| drop(proxies.remove(2)), "injector lost: the proxy c is gone");
        says(|proxies| proxies[0].toxics.clear(), "an injected fault did not stay on: rl.");
        says(|proxies| proxies[1].power = Power::Enabled, "an injected fault did not stay on: rl.");
        says(|proxies| proxies[0].power = Power::Disabled, "somebody disabled the proxy a");
        says(|proxies| proxies[0].toxics.push(put("x")), "somebody added toxic x (latency) to a");
        // A verdict compares the faulty node with this one.
        says(|proxies| proxies[2].toxics.push(put("x")), "somebody added toxic x (latency) to c");
        says(|proxies| proxies[2].power = Power::Disabled, "somebody disabled the proxy c");
        says(|proxies| proxies[2].toxics.push(put("rl.other.0.9")), "run other has injected a fault into c");
        let back = RunId::new(1, 1);
        let back = Lease { run: back, step: 7, deadline: 9 }.to_string();
        let found = disturbance(|proxies| proxies[2].toxics.push(put(&back)), ForeignToxics::Allow)
            .unwrap_or_default();
        assert_eq!(found, format!("{back} of this run is on c although it should be off"));
        assert_eq!(disturbance(|proxies| proxies[0].toxics.push(put("x")), ForeignToxics::Allow), None);
    }

    #[test]
    fn a_lease_that_is_over_explains_a_toxic_that_is_gone() {
        let late = |change: fn(&mut Vec<Proxy>)| {
            disturbance_at(71, change, ForeignToxics::Refuse).unwrap_or_default()
        };
        let begin = "the lease of the faults ended 1m 2s ago and rl.";
        for (found, end) in [
            (late(|_| {}), " on a was still on"),
            (late(|proxies| proxies[0].toxics.clear()), " on a is gone, probably removed by a guard"),
            (late(|proxies| proxies[1].power = Power::Enabled), " on b is gone, probably removed by a guard"),
        ] {
            let end = format!("{end}: calls took too long, the run was suspended or the clock jumped");
            assert!(found.starts_with(begin) && found.ends_with(&end), "{found}");
        }
    }
}
