//! What makes a run worthless while it is under way: judged from one look at Toxiproxy. Pure.

use std::time::Duration;

use super::is_on;
use crate::fault::toxic::ToxicKind;
use crate::lease::step::Step;
use crate::lease::{Lease, RunId};
use crate::text::format_duration;
use crate::toxiproxy::{NewProxy, Power, Proxy, ToxiproxyError};

/// What to make of other people's toxics on the nodes of the lab: a verdict compares sick nodes with the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Foreign {
    #[default]
    Refuse,
    /// They are part of what is measured; they are named and written down.
    Allow,
}

/// Why a run proves nothing any more.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Spoiled {
    #[error("injector lost: toxiproxy has restarted")]
    Restarted,
    #[error("injector lost: {0}")]
    Unreachable(ToxiproxyError),
    #[error("injector lost: toxiproxy was wedged and the restart hook was run")]
    Hooked,
    #[error("injector lost: the proxy {server} is gone")]
    Missing { server: String },
    #[error("what was injected did not stay on: {toxic} on {server} is gone or changed")]
    Gone { server: String, toxic: String },
    /// A guard takes off what outlives its lease; where there is none, the fault was on for longer than planned.
    #[error("the lease of its faults ended {} ago and {toxic} on {server} {}: calls took too long, the run stood still or the clock jumped",
        format_duration(*.late), if *.on { "was still on" } else { "is gone, as a guard removes it" })]
    LeaseOver { server: String, toxic: String, late: Duration, on: bool },
    #[error("toxiproxy, or this run with it, stood still for {}: every connection of the lab goes through it", format_duration(*.took))]
    Still { took: Duration },
    #[error("somebody disabled the proxy {server}")]
    Disabled { server: String },
    #[error("somebody put toxic {toxic} ({kind}) on {server}")]
    Foreign { server: String, toxic: String, kind: String },
    #[error("{toxic}, a fault of this run that is to be off, is on {server}")]
    Back { server: String, toxic: String },
    #[error("run {run} has put a fault on {server}")]
    OtherRun { server: String, run: String },
}

impl Spoiled {
    /// Whether Toxiproxy itself went away: proxies may have to be made again.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(
            self,
            Spoiled::Restarted | Spoiled::Unreachable(_) | Spoiled::Hooked | Spoiled::Missing { .. }
        )
    }

    /// Whether it is over with the run: what others put there meets the next run as well.
    pub(crate) fn is_passing(&self) -> bool {
        self.is_loss() || matches!(self, Spoiled::Still { .. } | Spoiled::LeaseOver { .. })
    }
}

/// What a run expects to see.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) servers: &'a [NewProxy],
    pub(super) run: &'a RunId,
    /// Toxics that were read back before.
    pub(super) on: &'a [Step],
    /// Toxics that may be there or not.
    pub(super) open: &'a [Step],
    pub(super) foreign: Foreign,
    /// Seconds since the epoch.
    pub(super) now: u64,
}

/// The worst of what is not as expected. A proxy that is not ours may be as it likes.
pub(super) fn spoiled(proxies: &[Proxy], expected: &Expected<'_>) -> Option<Spoiled> {
    let Expected { servers, run, on, open, foreign, now } = expected;
    for NewProxy { name, .. } in *servers {
        if !proxies.iter().any(|proxy| proxy.name == *name) {
            return Some(Spoiled::Missing { server: name.clone() });
        }
    }
    let gone = on.iter().find(|step| !is_on(step, proxies));
    if let Some(step) = gone.or(on.first()).filter(|step| step.lease.expired(*now)) {
        let (server, toxic) = (step.server.clone(), step.lease.to_string());
        let late = Duration::from_secs(now.saturating_sub(step.lease.deadline));
        return Some(Spoiled::LeaseOver { server, toxic, late, on: gone.is_none() });
    }
    if let Some(step) = gone {
        return Some(Spoiled::Gone { server: step.server.clone(), toxic: step.lease.to_string() });
    }
    let lab = proxies.iter().filter(|proxy| servers.iter().any(|server| server.name == proxy.name));
    for proxy in lab {
        let server = &proxy.name;
        let marked = |step: &Step| step.server == *server && step.toxic.kind == ToxicKind::Marker;
        if proxy.power == Power::Disabled && !on.iter().any(marked) {
            return Some(Spoiled::Disabled { server: server.clone() });
        }
        for placed in &proxy.toxics {
            let (server, toxic, kind) = (server.clone(), placed.name.clone(), placed.kind.clone());
            match Lease::parse(&placed.name) {
                Some(lease) if on.iter().chain(*open).any(|step| step.lease == lease) => {}
                Some(lease) if lease.run == **run => return Some(Spoiled::Back { server, toxic }),
                Some(lease) => return Some(Spoiled::OtherRun { server, run: lease.run.to_string() }),
                None if *foreign == Foreign::Refuse => {
                    return Some(Spoiled::Foreign { server, toxic, kind });
                }
                None => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use daemon_core::values::Fraction;

    use super::*;
    use crate::fault::toxic::{Stream, Toxic};
    use crate::toxiproxy::Placed;

    fn judged(change: impl FnOnce(&mut Vec<Proxy>), foreign: Foreign) -> Option<String> {
        judged_at(9, change, foreign)
    }

    fn judged_at(now: u64, change: impl FnOnce(&mut Vec<Proxy>), foreign: Foreign) -> Option<String> {
        let run = RunId::new(1, 1);
        let step = |server: &str, step, kind| Step {
            server: server.into(),
            lease: Lease { run: run.clone(), step, deadline: 9 },
            toxic: Toxic { stream: Stream::Replies, share: Fraction::ONE, kind },
            fault: 0,
        };
        let on = [step("a", 0, ToxicKind::Timeout { timeout: 0 }), step("b", 1, ToxicKind::Marker)];
        let new = |name: &str| NewProxy { name: name.into(), listen: String::new(), upstream: String::new() };
        let servers = [new("a"), new("b"), new("c")];
        let proxy = |name: &str| {
            let placed = |step: &Step| Placed {
                name: step.lease.to_string(),
                kind: "x".into(),
                toxic: Some(step.toxic),
            };
            Proxy {
                name: name.into(),
                listen: String::new(),
                upstream: String::new(),
                power: if name == "b" { Power::Disabled } else { Power::Enabled },
                toxics: on.iter().filter(|step| step.server == name).map(placed).collect(),
            }
        };
        let mut proxies = ["a", "b", "c", "theirs"].map(proxy).to_vec();
        change(&mut proxies);
        let expected = Expected { servers: &servers, run: &run, on: &on, open: &[], foreign, now };
        spoiled(&proxies, &expected).map(|spoiled| spoiled.to_string())
    }

    fn put(name: &str) -> Placed {
        Placed { name: name.into(), kind: "latency".into(), toxic: None }
    }

    #[test]
    fn what_a_run_does_not_expect_spoils_it() {
        let refuse = |change: fn(&mut Vec<Proxy>)| judged(change, Foreign::Refuse);
        assert_eq!(refuse(|_| {}), None);
        assert_eq!(refuse(|proxies| proxies[3].toxics.push(put("x"))), None, "not one of the lab's proxies");
        let says = |change: fn(&mut Vec<Proxy>), text: &str| {
            let found = refuse(change).unwrap_or_default();
            assert!(found.starts_with(text), "{found}");
        };
        says(|proxies| drop(proxies.remove(2)), "injector lost: the proxy c is gone");
        says(|proxies| proxies[0].toxics.clear(), "what was injected did not stay on: rl.");
        says(|proxies| proxies[1].power = Power::Enabled, "what was injected did not stay on: rl.");
        says(|proxies| proxies[0].power = Power::Disabled, "somebody disabled the proxy a");
        says(|proxies| proxies[0].toxics.push(put("x")), "somebody put toxic x (latency) on a");
        // The verdict compares a sick node with the others.
        says(|proxies| proxies[2].toxics.push(put("x")), "somebody put toxic x (latency) on c");
        says(|proxies| proxies[2].power = Power::Disabled, "somebody disabled the proxy c");
        says(|proxies| proxies[2].toxics.push(put("rl.other.0.9")), "run other has put a fault on c");
        let back = RunId::new(1, 1);
        let back = Lease { run: back, step: 7, deadline: 9 }.to_string();
        let found = judged(|proxies| proxies[2].toxics.push(put(&back)), Foreign::Allow).unwrap_or_default();
        assert_eq!(found, format!("{back}, a fault of this run that is to be off, is on c"));
        assert_eq!(judged(|proxies| proxies[0].toxics.push(put("x")), Foreign::Allow), None);
    }

    #[test]
    fn what_outlived_its_lease_is_told_apart_from_what_somebody_changed() {
        let late = |change: fn(&mut Vec<Proxy>)| judged_at(71, change, Foreign::Refuse).unwrap_or_default();
        let begin = "the lease of its faults ended 1m 2s ago and rl.";
        for (found, end) in [
            (late(|_| {}), " on a was still on"),
            (late(|proxies| proxies[0].toxics.clear()), " on a is gone, as a guard removes it"),
            (late(|proxies| proxies[1].power = Power::Enabled), " on b is gone, as a guard removes it"),
        ] {
            let end = format!("{end}: calls took too long, the run stood still or the clock jumped");
            assert!(found.starts_with(begin) && found.ends_with(&end), "{found}");
        }
    }
}
