//! What a run says of itself at its end, in a few lines. Pure.

use std::fmt::Write;
use std::time::Duration;

use metrics_core::families::client::Totals;
use metrics_core::labels::ErrorType;

/// The summary of a run that sent load for `ran`.
pub(crate) fn text(totals: &Totals, ran: Duration, seed: u64) -> String {
    let ended = totals.succeeded + totals.failed;
    let seconds = ran.as_secs_f64();
    let rate = if seconds > 0.0 { ended as f64 / seconds } else { 0.0 };
    let mut text = format!("{ended} operations in {seconds:.1} s, {rate:.0}/s, seed {seed}\n");
    let _ = writeln!(text, "failed: {}{}", percent(totals.failed, ended), errors(totals));
    let reads = totals.hits + totals.misses;
    let _ = writeln!(
        text,
        "hits: {} of {reads} reads, wrong values: {}",
        percent(totals.hits, reads),
        totals.corrupt
    );
    text
}

fn percent(part: u64, whole: u64) -> String {
    let share = if whole > 0 { part as f64 / whole as f64 * 100.0 } else { 0.0 };
    format!("{part} ({share:.2}%)")
}

fn errors(totals: &Totals) -> String {
    let counts = ErrorType::ALL.iter().map(|error| (error, totals.errors[error.index()]));
    let named: Vec<String> =
        counts.filter(|(_, count)| *count > 0).map(|(error, count)| format!("{error} {count}")).collect();
    if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics_core::families::client::Totals;
    use metrics_core::labels::ErrorType;

    use super::text;

    #[test]
    fn says_how_much_how_fast_and_what_failed() {
        let mut totals = Totals { succeeded: 990, failed: 10, hits: 3, misses: 1, ..Totals::default() };
        totals.errors[ErrorType::Timeout.index()] = 7;
        totals.errors[ErrorType::BreakerOpen.index()] = 3;
        assert_eq!(
            text(&totals, Duration::from_secs(2), 42),
            "1000 operations in 2.0 s, 500/s, seed 42\n\
             failed: 10 (1.00%): timeout 7, breaker_open 3\n\
             hits: 3 (75.00%) of 4 reads, wrong values: 0\n"
        );
        assert_eq!(
            text(&Totals::default(), Duration::ZERO, 1),
            "0 operations in 0.0 s, 0/s, seed 1\nfailed: 0 (0.00%)\nhits: 0 (0.00%) of 0 reads, wrong values: 0\n"
        );
    }
}
