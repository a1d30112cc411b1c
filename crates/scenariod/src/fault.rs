//! The faults: one variant for each file of `fault/` that describes a kind. Pure; no wire names here.

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;
use schemars::JsonSchema;
use serde::Deserialize;

mod bandwidth;
mod blackhole;
mod down;
mod keys;
mod kind;
mod latency;
mod limit_data;
mod packet_loss;
mod reset;
mod slicer;
mod slow_close;
mod stall;
mod stream_corruption;
mod timeout;
pub(crate) mod toxic;

pub(crate) use keys::{WrittenFraction, written_fraction};
use kind::FaultKind;
pub(crate) use kind::{ConnectionEffect, KeyError};
use toxic::{Stream, Toxic};

/// Declares `Fault` and forwards each question to the kind inside it.
macro_rules! faults {
    ($($file:ident::$kind:ident),+ $(,)?) => {
        /// What goes wrong on the way to a node. The word of a kind in YAML is the name of its variant.
        #[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
        #[serde(tag = "fault", rename_all = "snake_case")]
        pub(crate) enum Fault {
            $($kind($file::$kind)),+
        }

        impl Fault {
            fn kind(&self) -> &dyn FaultKind {
                match self { $(Fault::$kind(kind) => kind),+ }
            }

            /// The fault at a fraction of its strength; `None` for one that is either on or off, unless it is at full
            /// strength.
            pub(crate) fn at(&self, level: Fraction) -> Option<Fault> {
                if level == Fraction::ONE {
                    return Some(*self);
                }
                match self { $(Fault::$kind(kind) => kind.at(level).map(Fault::$kind)),+ }
            }

            /// The same fault with another rate of losses; `None` for one without such a rate.
            pub(crate) fn with_rate(&self, rate: Fraction) -> Option<Fault> {
                match self { $(Fault::$kind(kind) => kind.with_rate(rate).map(Fault::$kind)),+ }
            }
        }
    };
}

// In the order in which messages list them.
faults! {
    latency::Latency,
    packet_loss::PacketLoss,
    blackhole::Blackhole,
    stall::Stall,
    timeout::Timeout,
    reset::Reset,
    bandwidth::Bandwidth,
    slow_close::SlowClose,
    slicer::Slicer,
    limit_data::LimitData,
    down::Down,
    stream_corruption::StreamCorruption,
}

/// The direction of a fault, seen from the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Requests,
    #[default]
    Replies,
    Both,
}

impl Direction {
    /// The streams of this direction, in the order in which toxics are added.
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
        self.kind().label()
    }

    /// The name of each parameter that this fault may export at any strength.
    pub(crate) fn param_names(&self) -> Vec<&'static str> {
        self.kind().param_names()
    }

    /// The parameters in force, as exported.
    pub(crate) fn params(&self) -> Vec<(&'static str, f64)> {
        self.kind().params()
    }

    /// The toxics of this fault, in the order in which they are added.
    pub(crate) fn toxics(&self, direction: Direction, share: Fraction) -> Vec<Toxic> {
        let kinds = self.kind().toxics();
        let direction = match self.effect_on_connections() {
            // The toxics only mark the proxy, which one direction does.
            ConnectionEffect::Refused => Direction::Replies,
            ConnectionEffect::StayOpen | ConnectionEffect::End => direction,
        };
        let on = |stream: Stream| kinds.iter().map(move |&kind| Toxic { stream, share, kind });
        direction.streams().iter().flat_map(|&stream| on(stream)).collect()
    }

    pub(crate) fn effect_on_connections(&self) -> ConnectionEffect {
        self.kind().effect_on_connections()
    }

    /// What it does, in words.
    pub(crate) fn describe(&self) -> String {
        self.kind().describe()
    }

    /// The first value that is out of its bounds. A fault that a user wrote is used only after this check.
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        self.kind().check()
    }

    /// From its YAML form, such as `{ fault: latency, delay: 1s }`.
    #[cfg(test)]
    pub(crate) fn from_yaml(text: &str) -> Fault {
        let document = daemon_core::yaml::Document::parse("a test", text).unwrap();
        let fault: Fault = document.decode().unwrap();
        fault.check().unwrap();
        fault
    }
}

#[cfg(test)]
mod tests;
