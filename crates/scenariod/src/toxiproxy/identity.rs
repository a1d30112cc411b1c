//! Counts restarts of Toxiproxy from the ids of its answers. An id holds the machine, the process number and a counter
//! with a random start. A restart therefore shows even where the process number stays the same, as in a container.

use metrics_core::Locked;
use reqwest::header::HeaderMap;

const HEADER: &str = "X-Toxiproxy-Request-Id";
/// At most this many requests of other clients come between two requests of this process.
const MAX_GAP: u32 = 100_000;

/// How often Toxiproxy has restarted, as far as its answers show.
#[derive(Debug, Default)]
pub(super) struct RestartCounter(Locked<IdHistory>);

#[derive(Debug, Default)]
struct IdHistory {
    last: Option<RequestId>,
    restarts: u64,
}

impl RestartCounter {
    /// Takes the id of an answer into account. Some versions of Toxiproxy send none; then no restart is counted.
    pub(super) fn note_answer(&self, headers: &HeaderMap) {
        let id = headers.get(HEADER).and_then(|value| RequestId::parse(value.to_str().ok()?));
        let Some(id) = id else { return };
        let mut history = self.0.lock();
        if history.last.as_ref().is_some_and(|last| !last.is_near(&id)) {
            history.restarts += 1;
        }
        history.last = Some(id);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.lock().restarts
    }
}

/// The parts of a request id that differ between processes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RequestId {
    /// Machine and process number.
    process: [u8; 5],
    /// 24 bits.
    counter: u32,
}

impl RequestId {
    /// 12 bytes in 20 digits of base 32: four of time, three of machine, two of process, three of counter.
    fn parse(text: &str) -> Option<RequestId> {
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
        Some(RequestId { process: [m0, m1, m2, p0, p1], counter: u32::from_be_bytes([0, c0, c1, c2]) })
    }

    /// Whether both ids come from one process. Concurrent answers may arrive in any order.
    fn is_near(&self, other: &RequestId) -> bool {
        let ahead = other.counter.wrapping_sub(self.counter) & 0xFF_FFFF;
        let behind = self.counter.wrapping_sub(other.counter) & 0xFF_FFFF;
        self.process == other.process && ahead.min(behind) <= MAX_GAP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restarts(ids: &[&str]) -> u64 {
        let counter = RestartCounter::default();
        for id in ids {
            let mut headers = HeaderMap::new();
            headers.insert("x-toxiproxy-request-id", id.parse().unwrap());
            counter.note_answer(&headers);
        }
        counter.count()
    }

    /// Recorded from Toxiproxy 2.12.0, before and after a restart.
    #[test]
    fn a_restart_is_counted_when_the_series_of_ids_changes() {
        let (first, second, third) = ("dc0m7u9ksdud7vg0nstg", "dc0m7u9ksdud7vg0nsu0", "dc0m7u9ksdud7vg0nsug");
        assert_eq!(restarts(&[first, second, third]), 0);
        assert_eq!(restarts(&[first, third, second]), 0);
        assert_eq!(restarts(&[first, "dc0m7u9ksdud6364vgt0"]), 1);
        // As in a container, where the process number is always 1.
        assert_eq!(restarts(&[first, "dc0m7u9ksdud7vi0nstg", second]), 2);
    }

    #[test]
    fn ids_of_another_form_count_no_restart() {
        assert_eq!(restarts(&["dc0m7u9ksdud7vg0nstg", "", "req-1", "DC0M7U9KSDUD6364VGT0"]), 0);
    }
}
