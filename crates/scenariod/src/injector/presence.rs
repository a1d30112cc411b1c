//! Whether a toxic of a run is among the proxies that were read. Pure.

use crate::fault::toxic::ToxicKind;
use crate::lease::leased_toxic::LeasedToxic;
use crate::toxiproxy::{Power, Proxy};

/// Whether the toxic is there with the wanted effect. The proxy of a marker has to be disabled as well.
pub(super) fn is_in_effect(leased: &LeasedToxic, proxies: &[Proxy]) -> bool {
    let name = leased.lease.to_string();
    let holds = |proxy: &&Proxy| {
        proxy.name == leased.server
            && (leased.toxic.kind != ToxicKind::Marker || proxy.power == Power::Disabled)
    };
    let mut toxics = proxies.iter().filter(holds).flat_map(|proxy| &proxy.toxics);
    toxics.any(|toxic| toxic.name == name && toxic.has_effect(&leased.toxic))
}

/// Whether a toxic of this name is there, whatever its effect.
pub(super) fn is_listed(leased: &LeasedToxic, proxies: &[Proxy]) -> bool {
    let name = leased.lease.to_string();
    let mut toxics =
        proxies.iter().filter(|proxy| proxy.name == leased.server).flat_map(|proxy| &proxy.toxics);
    toxics.any(|toxic| toxic.name == name)
}
