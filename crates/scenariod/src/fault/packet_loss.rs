//! Packet loss as a client of TCP sees it: a lost packet is a packet that comes late. Pure.
//!
//! Toxiproxy's `toxicity` is drawn once per connection, so a share of sick connections is no packet loss: a pool
//! replaces the sick ones and the fault dies out. Its `jitter` is drawn for every chunk, and a negative delay passes
//! at once. So a latency of `W - J` with jitter `J = W / 2p` delays each chunk with probability `p` by up to `W`
//! and touches nothing else, for as long as it is on.

use crate::toxic::ToxicKind;

pub(super) const PARAMS: &[&str] = &["loss_rate", "latency_ms", "jitter_ms"];

/// Longest delay of a chunk drawn as lost, in ms: twice the retransmission timeout of a kernel on a short path.
const WINDOW_MS: f64 = 416.0;

/// The share of chunks that are lost, in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PacketLoss {
    rate: f64,
}

impl PacketLoss {
    /// `None` outside (0, 1].
    pub(crate) fn new(rate: f64) -> Option<PacketLoss> {
        (rate > 0.0 && rate <= 1.0).then_some(PacketLoss { rate })
    }

    pub(super) fn toxics(&self) -> Vec<ToxicKind> {
        vec![self.toxic()]
    }

    /// With every packet lost nothing ever arrives: no delay says that, dropping all bytes does.
    fn toxic(&self) -> ToxicKind {
        if self.rate >= 1.0 {
            return ToxicKind::Timeout { timeout: 0 };
        }
        let jitter = (WINDOW_MS / (2.0 * self.rate)).round();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "casts of floats saturate, and a rate that small is none"
        )]
        let (latency, jitter) = ((WINDOW_MS - jitter) as i64, jitter as i64);
        ToxicKind::Latency { latency, jitter }
    }

    pub(super) fn params(&self) -> Vec<(&'static str, f64)> {
        let mut params = vec![("loss_rate", self.rate)];
        if let ToxicKind::Latency { latency, jitter } = self.toxic() {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds far below 2^53")]
            params.extend([("latency_ms", latency as f64), ("jitter_ms", jitter as f64)]);
        }
        params
    }

    pub(super) fn describe(&self) -> String {
        // Percent with at most three decimals, without the noise of binary fractions: 0.07 is 7%.
        format!("packet loss {}%", (self.rate * 100_000.0).round() / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    fn toxic(rate: f64) -> ToxicKind {
        PacketLoss::new(rate).unwrap().toxic()
    }

    #[test]
    fn the_named_rates_have_the_measured_numbers() {
        let table =
            [(0.02, -9984, 10400), (0.05, -3744, 4160), (0.1, -1664, 2080), (0.2, -624, 1040), (0.5, 0, 416)];
        for (rate, latency, jitter) in table {
            assert_eq!(toxic(rate), ToxicKind::Latency { latency, jitter }, "{rate}");
        }
        assert_eq!(toxic(1.0), ToxicKind::Timeout { timeout: 0 });
    }

    #[test]
    fn a_rate_lies_above_zero_and_up_to_one() {
        for bad in [0.0, -0.5, 1.01, f64::NAN] {
            assert_eq!(PacketLoss::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn percent_reads_as_written() {
        for (rate, text) in
            [(0.07, "packet loss 7%"), (0.0005, "packet loss 0.05%"), (1.0, "packet loss 100%")]
        {
            assert_eq!(PacketLoss::new(rate).unwrap().describe(), text);
        }
    }

    proptest! {
        /// Toxiproxy draws a whole number of ms from [latency - jitter, latency + jitter); a draw above 0 is a loss,
        /// and losses have the asked-for probability and never exceed the window.
        #[test]
        fn the_draw_loses_the_asked_share(rate in 0.001_f64..0.999) {
            let ToxicKind::Latency { latency, jitter } = toxic(rate) else { unreachable!() };
            let (low, high) = (latency - jitter, latency + jitter - 1);
            prop_assert!(high as f64 <= WINDOW_MS);
            let lost = high as f64 / (high - low + 1) as f64;
            prop_assert!((lost - rate).abs() <= 0.005 * rate + 0.002, "asked {rate}, drawn {lost}");
        }
    }
}
