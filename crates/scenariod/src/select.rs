//! Which scenarios a command means: names, families, `all`. Pure.

use daemon_core::exit::{Exit, UserError};
use daemon_core::suggest::nearest;

use crate::catalogue::Catalogue;
use crate::catalogue::checked::EVERYTHING;
use crate::scenario::Scenario;

/// A word that selects nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SelectError {
    #[error("unknown scenario or family: {word}")]
    Unknown { word: String, near: Option<String> },
    #[error("no scenario is named in --scenario")]
    Nothing,
}

impl UserError for SelectError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            SelectError::Unknown { near: Some(near), .. } => format!("did you mean {near}?"),
            SelectError::Unknown { near: None, .. } | SelectError::Nothing => {
                "`scenariod list` shows every scenario".to_owned()
            }
        })
    }
}

/// The scenarios of a list such as `packet-loss-10,latency`, in the order written; a family in its own order.
pub(crate) fn select<'a>(catalogue: &'a Catalogue, list: &str) -> Result<Vec<&'a Scenario>, SelectError> {
    let mut selected = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let before = selected.len();
        let meant = |s: &&Scenario| word == EVERYTHING || s.is_called(word) || s.family == word;
        selected.extend(catalogue.scenarios().iter().filter(meant));
        if selected.len() == before {
            return Err(SelectError::Unknown { word: word.to_owned(), near: near(catalogue, word) });
        }
    }
    if selected.is_empty() { Err(SelectError::Nothing) } else { Ok(selected) }
}

/// The scenario or family that a word most likely means.
pub(crate) fn near(catalogue: &Catalogue, word: &str) -> Option<String> {
    let names = catalogue.scenarios().iter().flat_map(Scenario::words);
    nearest(word, names.chain(catalogue.families()).chain([EVERYTHING])).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Result<Vec<String>, SelectError> {
        let catalogue = Catalogue::load(None).unwrap();
        select(&catalogue, list).map(|selected| selected.iter().map(|s| s.name.clone()).collect())
    }

    #[test]
    fn names_and_families_come_in_the_order_written() {
        assert_eq!(names("latency-1s, packet-loss-2").unwrap(), ["latency-1s", "packet-loss-2"]);
        let latency =
            ["latency-100ms", "latency-1s", "latency-5s", "latency-10s", "latency-40s", "latency-2m"];
        assert_eq!(names("latency").unwrap()[..6], latency);
        assert_eq!(names("all").unwrap().len(), Catalogue::load(None).unwrap().scenarios().len());
    }

    #[test]
    fn older_names_still_mean_their_scenarios() {
        let older = [
            ("packet-loss-2-pct", "packet-loss-2"),
            ("packet-loss-100-pct", "packet-loss-100"),
            ("latency-200ms-100ms", "blip-100ms"),
            ("latency-200ms-2m", "blip-2m"),
            ("multi-failure-2-servers-packet-loss", "two-nodes-loss"),
            ("multi-failure-2-servers-latency", "two-nodes-slow"),
        ];
        for (old, new) in older {
            assert_eq!(names(old).unwrap(), [new], "{old}");
        }
    }

    #[test]
    fn an_unknown_word_gets_the_nearest_right_one() {
        let near = |word: &str| match names(word) {
            Err(SelectError::Unknown { near, .. }) => near,
            other => unreachable!("{other:?}"),
        };
        assert_eq!(near("packet-los-10").as_deref(), Some("packet-loss-10"));
        assert_eq!(near("latncy").as_deref(), Some("latency"));
        assert_eq!(near("zebra"), None);
        assert_eq!(names(" , "), Err(SelectError::Nothing));
    }
}
