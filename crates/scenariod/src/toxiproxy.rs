//! A typed client of Toxiproxy's REST API. Every call has a time limit. It decides nothing and removes nothing by itself.

mod address;
mod client;
mod error;
mod identity;
mod wire;

pub(crate) use address::{ApiAddress, PLACEHOLDER};
pub(crate) use client::Client;
pub(crate) use error::{ToxiproxyError, UNREACHABLE_HINT};
pub(crate) use wire::{ApiPath, power_body, start_up_config, toxic_body};

use crate::fault::toxic::Toxic;

/// A proxy, as read from Toxiproxy.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    /// The address that it listens on, as Toxiproxy spells it.
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) power: Power,
    pub(crate) toxics: Vec<ProxyToxic>,
}

/// Whether a proxy accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Enabled,
    Disabled,
}

/// A toxic of a proxy, as read from Toxiproxy: one of this lab or one of somebody else.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ProxyToxic {
    pub(crate) name: String,
    /// Toxiproxy's word for its type.
    pub(crate) kind: String,
    /// `None` for types and attributes that the lab never uses.
    pub(crate) toxic: Option<Toxic>,
}

impl ProxyToxic {
    /// Whether it does what `wanted` says. Toxiproxy stores shares with single precision.
    pub(crate) fn has_effect(&self, wanted: &Toxic) -> bool {
        self.toxic.is_some_and(|toxic| {
            toxic.kind == wanted.kind
                && toxic.stream == wanted.stream
                && (toxic.share.get() - wanted.share.get()).abs() < 1e-6
        })
    }
}

/// The name and addresses of a proxy that is to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewProxy {
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
}
