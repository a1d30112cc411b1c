//! Whether a toxic of a run is on its node, in what Toxiproxy says it holds. Pure.

use crate::fault::toxic::ToxicKind;
use crate::lease::step::Step;
use crate::toxiproxy::{Power, Proxy};

/// Whether it is there as it was asked for; a proxy that is to be down is down.
pub(super) fn is_on(step: &Step, proxies: &[Proxy]) -> bool {
    let name = step.lease.to_string();
    let on = |proxy: &&Proxy| {
        proxy.name == step.server && (step.toxic.kind != ToxicKind::Marker || proxy.power == Power::Disabled)
    };
    let toxics = proxies.iter().filter(on).flat_map(|proxy| &proxy.toxics);
    toxics.into_iter().any(|placed| placed.name == name && placed.has_effect(&step.toxic))
}

/// Whether a toxic of its name is there.
pub(super) fn has(step: &Step, proxies: &[Proxy]) -> bool {
    let name = step.lease.to_string();
    let on = proxies.iter().filter(|proxy| proxy.name == step.server);
    on.flat_map(|proxy| &proxy.toxics).any(|placed| placed.name == name)
}
