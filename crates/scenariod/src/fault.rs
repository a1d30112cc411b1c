//! The faults: one variant each, which is one list of toxics and one label word. Pure; no wire names here.

use metrics_core::labels::FaultType;

use crate::fault::toxic::{Share, Stream, Toxic};

mod bandwidth;
mod blackhole;
mod down;
mod effect;
mod latency;
mod level;
mod limit_data;
mod packet_loss;
mod reset;
mod slicer;
mod slow_close;
mod stall;
mod stream_corruption;
mod timeout;
pub(crate) mod toxic;

pub(crate) use bandwidth::Bandwidth;
pub(crate) use blackhole::Blackhole;
pub(crate) use down::Down;
use effect::Effect;
pub(crate) use latency::Latency;
pub(crate) use level::Level;
pub(crate) use limit_data::LimitData;
pub(crate) use packet_loss::{LossModel, PacketLoss};
pub(crate) use reset::Reset;
pub(crate) use slicer::Slicer;
pub(crate) use slow_close::SlowClose;
pub(crate) use stall::Stall;
pub(crate) use stream_corruption::StreamCorruption;
pub(crate) use timeout::Timeout;

/// What goes wrong on the way to a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Latency(Latency),
    PacketLoss(PacketLoss),
    Blackhole(Blackhole),
    Stall(Stall),
    Timeout(Timeout),
    Reset(Reset),
    Bandwidth(Bandwidth),
    SlowClose(SlowClose),
    Slicer(Slicer),
    LimitData(LimitData),
    Down(Down),
    StreamCorruption(StreamCorruption),
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
    fn effect(&self) -> &dyn Effect {
        match self {
            Fault::Latency(fault) => fault,
            Fault::PacketLoss(fault) => fault,
            Fault::Blackhole(fault) => fault,
            Fault::Stall(fault) => fault,
            Fault::Timeout(fault) => fault,
            Fault::Reset(fault) => fault,
            Fault::Bandwidth(fault) => fault,
            Fault::SlowClose(fault) => fault,
            Fault::Slicer(fault) => fault,
            Fault::LimitData(fault) => fault,
            Fault::Down(fault) => fault,
            Fault::StreamCorruption(fault) => fault,
        }
    }

    /// The same fault with another rate of loss; `None` for one that has no such rate.
    pub(crate) fn with_rate(self, rate: f64) -> Option<Fault> {
        match self {
            Fault::PacketLoss(fault) => fault.with_rate(rate).map(Fault::PacketLoss),
            Fault::StreamCorruption(_) => StreamCorruption::new(rate).map(Fault::StreamCorruption),
            Fault::Latency(_)
            | Fault::Blackhole(_)
            | Fault::Stall(_)
            | Fault::Timeout(_)
            | Fault::Reset(_)
            | Fault::Bandwidth(_)
            | Fault::SlowClose(_)
            | Fault::Slicer(_)
            | Fault::LimitData(_)
            | Fault::Down(_) => None,
        }
    }

    /// The fault at a share of its strength. `None` for one that is either on or off, unless it is at its full strength.
    pub(crate) fn at(self, level: Level) -> Option<Fault> {
        match self {
            fault if level == Level::FULL => Some(fault),
            Fault::Latency(fault) => Some(Fault::Latency(fault.at(level))),
            Fault::PacketLoss(fault) => Some(Fault::PacketLoss(fault.at(level))),
            Fault::Bandwidth(fault) => Some(Fault::Bandwidth(fault.at(level))),
            Fault::StreamCorruption(fault) => Some(Fault::StreamCorruption(fault.at(level))),
            Fault::Blackhole(_)
            | Fault::Stall(_)
            | Fault::Timeout(_)
            | Fault::Reset(_)
            | Fault::SlowClose(_)
            | Fault::Slicer(_)
            | Fault::LimitData(_)
            | Fault::Down(_) => None,
        }
    }

    /// The `type` label of this fault.
    pub(crate) fn label(&self) -> FaultType {
        self.effect().label()
    }

    /// All parameter names this kind of fault may export.
    pub(crate) fn param_names(&self) -> &'static [&'static str] {
        self.effect().param_names()
    }

    /// The parameters in force, as exported.
    pub(crate) fn params(&self) -> Vec<(&'static str, f64)> {
        self.effect().params()
    }

    /// The toxics that make this fault, in the order in which they are put on.
    pub(crate) fn toxics(&self, direction: Direction, share: Share) -> Vec<Toxic> {
        let kinds = self.effect().toxics();
        // A proxy that is down is down both ways; one marker says whose doing that is.
        let direction = if matches!(self, Fault::Down(_)) { Direction::Replies } else { direction };
        let on = |stream: Stream| kinds.iter().map(move |&kind| Toxic { stream, share, kind });
        direction.streams().iter().flat_map(|&stream| on(stream)).collect()
    }

    /// What it does, in words.
    pub(crate) fn describe(&self) -> String {
        self.effect().describe()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::toxic::ToxicKind;
    use super::*;

    /// One of each.
    fn all() -> Vec<Fault> {
        let second = Duration::from_secs(1);
        vec![
            Fault::Latency(Latency { delay: second, jitter: Duration::from_millis(5) }),
            Fault::PacketLoss(PacketLoss::new(0.1, LossModel::Auto).unwrap()),
            Fault::PacketLoss(PacketLoss::new(0.3, LossModel::Auto).unwrap()),
            Fault::PacketLoss(PacketLoss::new(1.0, LossModel::Auto).unwrap()),
            Fault::Blackhole(Blackhole),
            Fault::Stall(Stall),
            Fault::Timeout(Timeout { after: second }),
            Fault::Reset(Reset { after: Duration::ZERO }),
            Fault::Bandwidth(Bandwidth { rate: 100 }),
            Fault::SlowClose(SlowClose { delay: second }),
            Fault::Slicer(Slicer::new(8, 2, Duration::from_micros(100)).unwrap()),
            Fault::LimitData(LimitData { bytes: 9 }),
            Fault::Down(Down),
            Fault::StreamCorruption(StreamCorruption::new(0.1).unwrap()),
        ]
    }

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
        assert_eq!(Fault::Down(Down).toxics(Direction::Both, Share::ALL).len(), 1, "one marker a proxy");
    }

    #[test]
    fn exported_parameters_are_declared() {
        for fault in all() {
            for (name, _) in fault.params() {
                assert!(fault.param_names().contains(&name), "{fault:?}: {name}");
            }
        }
    }

    #[test]
    fn every_fault_has_a_label_of_its_own_and_the_toxics_its_name_promises() {
        let labels: std::collections::BTreeSet<&str> = all().iter().map(|f| f.label().as_str()).collect();
        assert_eq!(labels.len(), FaultType::COUNT);
        let kinds = |fault: Fault| fault.effect().toxics();
        assert_eq!(kinds(Fault::Blackhole(Blackhole)), [ToxicKind::Timeout { timeout: 0 }]);
        assert_eq!(kinds(Fault::Stall(Stall)), [ToxicKind::Bandwidth { rate: 0 }]);
        assert_eq!(kinds(Fault::Down(Down)), [ToxicKind::Marker]);
        let reset = Fault::Reset(Reset { after: Duration::ZERO });
        assert_eq!(kinds(reset), [ToxicKind::ResetPeer { timeout: 0 }]);
    }

    #[test]
    fn what_is_either_on_or_off_has_no_strength_between() {
        let half = Level::new(0.5).unwrap();
        for fault in all() {
            assert_eq!(fault.at(Level::FULL), Some(fault));
        }
        assert_eq!(Fault::Down(Down).at(half), None);
        let latency = Fault::Latency(Latency { delay: Duration::from_secs(1), jitter: Duration::ZERO });
        assert_eq!(latency.at(half).unwrap().params()[0].1, 500.0);
        let throttled = Fault::Bandwidth(Bandwidth { rate: 1 }).at(half).unwrap();
        assert_eq!(throttled, Fault::Bandwidth(Bandwidth { rate: 1 }), "no ramp turns it into a stall");
    }
}
