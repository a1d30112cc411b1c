//! Packet loss as a client of TCP sees it: a lost packet is a packet that comes late. Pure.
//!
//! Toxiproxy draws `toxicity` once per connection, so it cannot simulate packet loss: a pool replaces the affected
//! connections, and the fault dies out. But it draws `jitter` for every chunk. A chunk with a negative delay passes at once
//! and then seems older than it is. Each stage of latency 0 doubles that age. A chain of such stages separates the chunks
//! that the first stage delayed from those that it passed, and a last stage delays only the former: one spike where a
//! kernel would retransmit. This needs no call while the fault is on.

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys::WrittenFraction;
use super::kind::{ConnectionEffect, FaultKind};
use super::toxic::ToxicKind;
use crate::text::format_share;

/// The delay of a lost packet, in ms: the retransmission timeout of a kernel on a short path, plus what the chain itself
/// takes off the delay of a lost chunk.
const RTO: i64 = 213;
/// Twice the retransmission timeout, in ms: the longest delay for a second loss of the same packet.
const WINDOW: f64 = 416.0;
/// The wide draw: its window in ms, the number of doublings, and the timeout minus half the window. The proxy sleeps some
/// milliseconds too long on a busy machine. The doublings multiply this error, which shortens the delay: at a rate of 20%,
/// 17% of the chunks were late by half a retransmission with 5 doublings, and 19.6% with 4. With fewer doublings, more of
/// the chunks that passed are late by a part.
const WIDE_WINDOW: f64 = 90.0;
const WIDE_STAGES: usize = 4;
const WIDE_RTO: f64 = 168.0;
/// The delay, in ms, from which the wide draw counts a chunk as lost: half a retransmission.
const LATE: f64 = 100.0;
/// With so many doublings, an age of 1 ms exceeds every delay of the chain.
const STAGES: usize = 9;
/// From this rate on, a third loss of the same packet is frequent enough to matter.
const OFTEN: f64 = 0.2;

/// this share of the packets is lost and sent again by TCP, so it comes late; with 1 nothing arrives
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(crate) struct PacketLoss {
    #[schemars(with = "WrittenFraction")]
    rate: Fraction,
    /// `auto` is closest to a kernel, `simple` uses a single toxic
    #[serde(default)]
    model: LossModel,
}

// How losses are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum LossModel {
    // The chain that is closest to a kernel at this rate.
    #[default]
    Auto,
    // One toxic: the right share of late chunks, but no spike where a kernel would retransmit.
    Simple,
}

/// The toxics behind a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chain {
    /// Nothing arrives.
    Nothing,
    /// One draw over the whole window of a retransmission.
    Simple,
    /// An exact draw of one in an even number, and a spike.
    Exact { one_in: i64 },
    /// A draw over a narrow window, for every other rate.
    Wide,
}

impl PacketLoss {
    fn chain(&self) -> Chain {
        if self.rate == Fraction::ONE {
            return Chain::Nothing;
        }
        if self.model == LossModel::Simple {
            return Chain::Simple;
        }
        let half = (0.5 / self.rate.get()).round();
        // A decimal rate means the fraction next to it: 0.16666667 is one in 6.
        if (half * 2.0 * self.rate.get() - 1.0).abs() < 1e-6 {
            Chain::Exact { one_in: 2 * whole(half) }
        } else {
            Chain::Wide
        }
    }

    /// Further losses of the same packet: each delay is twice as long as the one before.
    fn back_off(&self) -> impl Iterator<Item = ToxicKind> {
        let rate = self.rate.get();
        let draws = if rate < OFTEN { 1 } else { 2 };
        (0..draws).map(move |n: i32| draw(WINDOW * f64::from(1 << n), rate))
    }
}

impl FaultKind for PacketLoss {
    fn label(&self) -> FaultType {
        FaultType::PacketLoss
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        let fixed = |latency| ToxicKind::Latency { latency, jitter: 0 };
        let mut chain = match self.chain() {
            Chain::Nothing => return vec![ToxicKind::Timeout { timeout: 0 }],
            Chain::Simple => return vec![draw(WINDOW, self.rate.get())],
            Chain::Exact { one_in } => {
                let jitter = one_in / 2;
                let mut chain = vec![ToxicKind::Latency { latency: 1 - jitter, jitter }];
                chain.extend([fixed(0); STAGES]);
                chain.push(fixed(RTO));
                chain
            }
            Chain::Wide => {
                // Some of the chunks that the draw passes are so young that they are late anyway.
                let spill = (WIDE_RTO - LATE) / (WIDE_WINDOW * f64::from(1 << WIDE_STAGES));
                let mut chain = vec![draw(WIDE_WINDOW, self.rate.get() / (1.0 + spill))];
                chain.extend([fixed(0); WIDE_STAGES]);
                chain.push(fixed(whole(WIDE_RTO)));
                chain
            }
        };
        chain.extend(self.back_off());
        chain
    }

    fn effect_on_connections(&self) -> ConnectionEffect {
        ConnectionEffect::StayOpen
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        let toxics = self.toxics();
        let ms = |ms: i64| {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds far below 2^53")]
            let ms = ms as f64;
            ms
        };
        let mut params =
            vec![("loss_rate", self.rate.get()), ("toxics", ms(i64::try_from(toxics.len()).unwrap_or(0)))];
        if let Some(ToxicKind::Latency { latency, jitter }) = toxics.first() {
            params.extend([("latency_ms", ms(*latency)), ("jitter_ms", ms(*jitter))]);
        }
        match self.chain() {
            Chain::Exact { .. } => params.push(("retransmit_ms", ms(RTO))),
            Chain::Wide => params.push(("retransmit_ms", WIDE_RTO)),
            Chain::Nothing | Chain::Simple => {}
        }
        params
    }

    /// Which of them are in force depends on the rate.
    fn param_names(&self) -> Vec<&'static str> {
        vec!["loss_rate", "latency_ms", "jitter_ms", "retransmit_ms", "toxics"]
    }

    fn describe(&self) -> String {
        let model = match self.model {
            LossModel::Simple if self.rate < Fraction::ONE => " (simple model)",
            LossModel::Auto | LossModel::Simple => "",
        };
        format!("packet loss {}{model}", format_share(self.rate.get()))
    }

    fn at(&self, level: Fraction) -> Option<PacketLoss> {
        Some(PacketLoss { rate: self.rate * level, ..*self })
    }

    fn with_rate(&self, rate: Fraction) -> Option<PacketLoss> {
        Some(PacketLoss { rate, ..*self })
    }
}

/// A delay of up to `window` ms with this probability, otherwise none: Toxiproxy draws a whole number of ms from
/// [latency - jitter, latency + jitter), and only a number above 0 delays.
fn draw(window: f64, probability: f64) -> ToxicKind {
    let jitter = (window / (2.0 * probability)).round();
    ToxicKind::Latency { latency: whole(window - jitter), jitter: whole(jitter) }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "casts of floats saturate, and a rate that small is none"
)]
fn whole(ms: f64) -> i64 {
    ms.round() as i64
}

#[cfg(test)]
mod tests;
