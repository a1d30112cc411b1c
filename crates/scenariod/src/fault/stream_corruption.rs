//! Stream corruption: chunks are taken out of the stream, as no network does to TCP but a broken middlebox may. Pure.
//! Servers up to 2.12 have no such toxic and refuse it.

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;
use crate::text::format_share;

/// The share of chunks that are taken out, in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct StreamCorruption {
    rate: f64,
}

impl StreamCorruption {
    /// `None` outside (0, 1].
    pub(crate) fn new(rate: f64) -> Option<StreamCorruption> {
        (rate > 0.0 && rate <= 1.0).then_some(StreamCorruption { rate })
    }

    pub(super) fn at(self, level: super::Level) -> StreamCorruption {
        StreamCorruption { rate: self.rate * level.get() }
    }
}

impl Effect for StreamCorruption {
    fn label(&self) -> FaultType {
        FaultType::StreamCorruption
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["corruption_rate"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::DropChunks { loss_rate: self.rate }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![("corruption_rate", self.rate)]
    }

    fn describe(&self) -> String {
        format!("stream corruption {}", format_share(self.rate))
    }
}
