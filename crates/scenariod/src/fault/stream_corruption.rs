//! Stream corruption: chunks are cut out of the stream. No network does that to TCP, but a broken middlebox may. Pure.
//! Toxiproxy up to 2.12 has no such toxic and refuses it.

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::WrittenFraction;
use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;
use crate::text::format_share;

/// this share of the chunks is cut out of the stream; Toxiproxy up to 2.12 refuses it
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct StreamCorruption {
    #[schemars(with = "WrittenFraction")]
    rate: Fraction,
}

impl FaultKind for StreamCorruption {
    fn label(&self) -> FaultType {
        FaultType::StreamCorruption
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::DropChunks { loss_rate: self.rate.get() }]
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("corruption_rate", self.rate.get())]
    }

    fn describe(&self) -> String {
        format!("stream corruption {}", format_share(self.rate.get()))
    }

    fn at(&self, level: Fraction) -> Option<StreamCorruption> {
        Some(StreamCorruption { rate: self.rate * level })
    }

    fn with_rate(&self, rate: Fraction) -> Option<StreamCorruption> {
        Some(StreamCorruption { rate })
    }
}
