//! The last exchanges on one connection, which help to explain a wrong value. The size is fixed, so nothing is allocated
//! after the connection was opened. Nothing is checked here.

use std::fmt;
use std::time::Instant;

use metrics_core::labels::{CorruptKind, ErrorType, Operation};

/// The number of exchanges in the log.
const KEPT: usize = 16;
/// Bytes of a key in the log. The keys of the workloads are not longer.
const KEY: usize = 18;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeResult {
    Value,
    Miss,
    Done,
    Late,
    Wrong(CorruptKind),
    Failed(ErrorType),
}

#[derive(Clone, Copy, Debug)]
struct Exchange {
    began: Instant,
    /// Microseconds.
    took: u32,
    operation: Operation,
    result: ExchangeResult,
    length: u8,
    key: [u8; KEY],
}

/// The log of one connection.
#[derive(Debug, Default)]
pub(crate) struct ExchangeLog {
    ring: [Option<Exchange>; KEPT],
    next: usize,
}

impl ExchangeLog {
    #[inline]
    pub(crate) fn record(
        &mut self,
        operation: Operation,
        key: &[u8],
        began: Instant,
        ended: Instant,
        result: ExchangeResult,
    ) {
        let length = key.len().min(KEY);
        let mut kept = [0; KEY];
        kept[..length].copy_from_slice(&key[..length]);
        let took = u32::try_from(ended.saturating_duration_since(began).as_micros()).unwrap_or(u32::MAX);
        let exchange = Exchange { began, took, operation, result, length: length as u8, key: kept };
        self.ring[self.next % KEPT] = Some(exchange);
        self.next = self.next.wrapping_add(1);
    }
}

/// Oldest first. Times are relative to the start of the last exchange.
impl fmt::Display for ExchangeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.ring[self.next.wrapping_sub(1) % KEPT].map(|exchange| exchange.began);
        let kept = (0..KEPT).filter_map(|step| self.ring[(self.next + step) % KEPT]);
        for (index, exchange) in kept.enumerate() {
            let before = last.map(|last| last.saturating_duration_since(exchange.began)).unwrap_or_default();
            let key = String::from_utf8_lossy(&exchange.key[..usize::from(exchange.length)]);
            let gap = if index > 0 { ", " } else { "" };
            let (operation, took) = (exchange.operation, exchange.took);
            write!(f, "{gap}-{}us {operation} {key}: {} in {took}us", before.as_micros(), exchange.result)?;
        }
        Ok(())
    }
}

impl fmt::Display for ExchangeResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value => f.write_str("value"),
            Self::Miss => f.write_str("miss"),
            Self::Done => f.write_str("done"),
            Self::Late => f.write_str("late value"),
            Self::Wrong(kind) => kind.fmt(f),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use metrics_core::labels::{CorruptKind, Operation};

    use super::{ExchangeLog, ExchangeResult, KEPT};

    #[test]
    fn the_last_exchanges_are_shown_oldest_first() {
        let (mut log, start) = (ExchangeLog::default(), Instant::now());
        assert_eq!(log.to_string(), "");
        let us = Duration::from_micros(1);
        for number in 0..40u32 {
            let began = start + us * 100 * number;
            let key = format!("key:{number}");
            log.record(Operation::Get, key.as_bytes(), began, began + us * 30, ExchangeResult::Miss);
        }
        let last = start + us * 4_000;
        let result = ExchangeResult::Wrong(CorruptKind::WrongKey);
        log.record(Operation::Get, b"a-very-long-key-indeed", last, last + us * 7, result);
        let text = log.to_string();
        assert_eq!(text.split(", ").count(), KEPT);
        assert!(text.starts_with("-1500us get key:25: miss in 30us, -1400us get key:26"), "{text}");
        assert!(text.ends_with(", -0us get a-very-long-key-in: wrong_key in 7us"), "{text}");
    }
}
