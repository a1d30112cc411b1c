//! Toxiproxy's REST API, typed: a client of bounded calls. It decides nothing and removes nothing by itself.

mod client;
mod error;
mod identity;
mod wire;

pub(crate) use client::Client;
pub(crate) use error::ToxiproxyError;
pub(crate) use wire::{Path, power_body, start_up_config, toxic_body};

use crate::fault::toxic::Toxic;

/// A proxy as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proxy {
    pub(crate) name: String,
    /// The address it is bound to, as Toxiproxy spells it.
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) power: Power,
    pub(crate) toxics: Vec<Placed>,
}

/// Whether a proxy passes traffic at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    Enabled,
    Disabled,
}

/// A toxic as it was read from a proxy, ours or not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    pub(crate) name: String,
    /// Toxiproxy's word for what it does.
    pub(crate) kind: String,
    /// `None` for kinds and attributes we never use.
    pub(crate) toxic: Option<Toxic>,
}

impl Placed {
    /// Whether this is the toxic we asked for. Toxiproxy keeps shares with single precision.
    pub(crate) fn is(&self, wanted: &Toxic) -> bool {
        self.toxic.is_some_and(|toxic| {
            toxic.kind == wanted.kind
                && toxic.stream == wanted.stream
                && (toxic.share.get() - wanted.share.get()).abs() < 1e-6
        })
    }
}

/// What Toxiproxy needs to know to open a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewProxy {
    pub(crate) name: String,
    pub(crate) listen: String,
    pub(crate) upstream: String,
}
