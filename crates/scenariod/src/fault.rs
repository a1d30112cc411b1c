//! The faults: one variant each, which is one list of toxics and one label word. Pure; no wire names here.

use std::time::Duration;

use metrics_core::labels::FaultType;

use crate::toxic::{Share, Stream, Toxic};

mod latency;
mod packet_loss;

pub(crate) use latency::Latency;
pub(crate) use packet_loss::PacketLoss;

/// What goes wrong on the way to a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Latency(Latency),
    PacketLoss(PacketLoss),
}

/// Which way a fault works, seen from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Direction {
    Requests,
    #[default]
    Replies,
    Both,
}

impl Direction {
    /// The streams of this direction, in the order in which toxics are put on.
    pub(crate) fn streams(self) -> &'static [Stream] {
        match self {
            Direction::Requests => &[Stream::Requests],
            Direction::Replies => &[Stream::Replies],
            Direction::Both => &[Stream::Requests, Stream::Replies],
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Direction::Requests => "requests",
            Direction::Replies => "replies",
            Direction::Both => "both",
        }
    }
}

impl Fault {
    /// The `type` label of this fault.
    pub(crate) fn label(&self) -> FaultType {
        match self {
            Fault::Latency(_) => FaultType::Latency,
            Fault::PacketLoss(_) => FaultType::PacketLoss,
        }
    }

    /// All parameter names this kind of fault may export.
    pub(crate) fn param_names(&self) -> &'static [&'static str] {
        match self {
            Fault::Latency(_) => latency::PARAMS,
            Fault::PacketLoss(_) => packet_loss::PARAMS,
        }
    }

    /// The parameters in force, as exported.
    pub(crate) fn params(&self) -> Vec<(&'static str, f64)> {
        match self {
            Fault::Latency(fault) => fault.params(),
            Fault::PacketLoss(fault) => fault.params(),
        }
    }

    /// The toxics that make this fault, in the order in which they are put on.
    pub(crate) fn toxics(&self, direction: Direction, share: Share) -> Vec<Toxic> {
        let kinds = match self {
            Fault::Latency(fault) => fault.toxics(),
            Fault::PacketLoss(fault) => fault.toxics(),
        };
        let on = |stream: Stream| kinds.iter().map(move |&kind| Toxic { stream, share, kind });
        direction.streams().iter().flat_map(|&stream| on(stream)).collect()
    }

    /// What it does, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Fault::Latency(fault) => fault.describe(),
            Fault::PacketLoss(fault) => fault.describe(),
        }
    }
}

/// Toxiproxy counts in whole milliseconds.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toxic::ToxicKind;

    #[test]
    fn both_directions_are_the_same_toxics_once_per_stream() {
        let fault = Fault::Latency(Latency { delay: Duration::from_millis(100), jitter: Duration::ZERO });
        let kind = ToxicKind::Latency { latency: 100, jitter: 0 };
        let toxic = |stream| Toxic { stream, share: Share::ALL, kind };
        assert_eq!(
            fault.toxics(Direction::Both, Share::ALL),
            [toxic(Stream::Requests), toxic(Stream::Replies)]
        );
        assert_eq!(fault.toxics(Direction::default(), Share::ALL), [toxic(Stream::Replies)]);
    }

    #[test]
    fn exported_parameters_are_declared() {
        let all = [
            Fault::Latency(Latency { delay: Duration::from_secs(1), jitter: Duration::from_millis(5) }),
            Fault::PacketLoss(PacketLoss::new(0.1).unwrap()),
            Fault::PacketLoss(PacketLoss::new(1.0).unwrap()),
        ];
        for fault in all {
            for (name, _) in fault.params() {
                assert!(fault.param_names().contains(&name), "{fault:?}: {name}");
            }
        }
    }
}
