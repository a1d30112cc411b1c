//! The questions that each kind of fault answers about itself: one file of `fault/` per kind, and nothing about a kind
//! outside its file. Pure.

use daemon_core::values::Fraction;
use metrics_core::labels::FaultType;

use super::toxic::ToxicKind;

/// One kind of fault. The type that implements it is also the kind's YAML form: its fields are the keys, and the
/// documentation of the type and of its fields is the kind's part of the table in docs/writing-scenarios.md. Its schema has
/// to be inline, because a reference would hide the keys from the variant.
pub(super) trait FaultKind {
    /// The label `type` of its series. Its word is also the word in YAML.
    fn label(&self) -> FaultType;

    /// The toxics on one stream, in the order in which they are added.
    fn toxics(&self) -> Vec<ToxicKind>;

    fn effect_on_connections(&self) -> ConnectionEffect;

    /// The numbers in force, as exported.
    fn params(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// The name of each number that it may export at any strength, because a series exists before its first value.
    fn param_names(&self) -> Vec<&'static str> {
        self.params().into_iter().map(|(name, _)| name).collect()
    }

    /// What it does, in words that a node's name can follow.
    fn describe(&self) -> String {
        self.label().as_str().replace('_', " ")
    }

    /// The first value that is out of its bounds, where the type of its field does not know them.
    fn check(&self) -> Result<(), KeyError> {
        Ok(())
    }

    /// The same fault at a fraction of its strength; `None` for a kind that is either on or off.
    fn at(&self, _level: Fraction) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// The same fault with another rate of losses; `None` for a kind without such a rate.
    fn with_rate(&self, _rate: Fraction) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }
}

/// What becomes of the connections that a fault is on. It decides what a share of the connections can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionEffect {
    /// They stay open: the drawn ones have the fault until it is removed.
    StayOpen,
    /// They end: the client opens others, Toxiproxy draws again, and the affected share changes all the time.
    End,
    /// The proxy refuses all of them, in both directions: there is no share and no direction.
    Refused,
}

/// A value out of its bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyError {
    /// The key in YAML.
    pub(crate) key: &'static str,
    pub(crate) message: String,
}
