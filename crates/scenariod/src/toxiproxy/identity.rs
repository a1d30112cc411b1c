//! Whether answers come from the same Toxiproxy process. It numbers its answers: an id holds the machine, the process
//! and a counter that starts anywhere. A restart starts another series, even where the process number is the same.

use std::sync::{Mutex, PoisonError};

use reqwest::header::HeaderMap;

const HEADER: &str = "X-Toxiproxy-Request-Id";
/// No more requests of others than this come between two of ours.
const GAP: u32 = 100_000;

/// Which processes have answered so far.
#[derive(Debug, Default)]
pub(super) struct Servers(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    last: Option<Id>,
    changes: u64,
}

impl Servers {
    /// Versions that do not number their answers tell nothing.
    pub(super) fn answered(&self, headers: &HeaderMap) {
        let Some(id) = headers.get(HEADER).and_then(|value| Id::parse(value.to_str().ok()?)) else { return };
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.last.as_ref().is_some_and(|last| !last.is_near(&id)) {
            seen.changes += 1;
        }
        seen.last = Some(id);
    }

    pub(super) fn changes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).changes
    }
}

/// The parts of a request id that tell processes apart.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Id {
    /// Machine and process number.
    process: [u8; 5],
    /// 24 bits.
    counter: u32,
}

impl Id {
    /// 12 bytes in 20 digits of base 32: four of time, three of machine, two of process, three of counter.
    fn parse(text: &str) -> Option<Id> {
        if text.len() != 20 {
            return None;
        }
        let digit = |c: char| c.to_digit(32).filter(|_| !c.is_ascii_uppercase());
        let mut bits: u128 = 0;
        for c in text.chars() {
            bits = bits << 5 | u128::from(digit(c)?);
        }
        // 100 bits hold 96.
        let bytes = (bits >> 4).to_be_bytes();
        let [.., m0, m1, m2, p0, p1, c0, c1, c2] = bytes;
        Some(Id { process: [m0, m1, m2, p0, p1], counter: u32::from_be_bytes([0, c0, c1, c2]) })
    }

    /// Answers to calls at the same time may come in any order.
    fn is_near(&self, other: &Id) -> bool {
        let ahead = other.counter.wrapping_sub(self.counter) & 0xFF_FFFF;
        let behind = self.counter.wrapping_sub(other.counter) & 0xFF_FFFF;
        self.process == other.process && ahead.min(behind) <= GAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(ids: &[&str]) -> u64 {
        let servers = Servers::default();
        for id in ids {
            let mut headers = HeaderMap::new();
            headers.insert("x-toxiproxy-request-id", id.parse().unwrap());
            servers.answered(&headers);
        }
        servers.changes()
    }

    /// Recorded from Toxiproxy 2.12.0, before and after a restart.
    #[test]
    fn a_restart_changes_the_series_of_ids() {
        let (first, second, third) = ("dc0m7u9ksdud7vg0nstg", "dc0m7u9ksdud7vg0nsu0", "dc0m7u9ksdud7vg0nsug");
        assert_eq!(servers(&[first, second, third]), 0);
        assert_eq!(servers(&[first, third, second]), 0);
        assert_eq!(servers(&[first, "dc0m7u9ksdud6364vgt0"]), 1);
        // As in a container, where the process number is always 1.
        assert_eq!(servers(&[first, "dc0m7u9ksdud7vi0nstg", second]), 2);
    }

    #[test]
    fn ids_of_another_form_tell_nothing() {
        assert_eq!(servers(&["dc0m7u9ksdud7vg0nstg", "", "req-1", "DC0M7U9KSDUD6364VGT0"]), 0);
    }
}
