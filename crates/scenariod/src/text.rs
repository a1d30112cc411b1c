//! Durations and shares in words, the same ones everywhere. Pure; wrapping of lines is in `wrap`.

pub(crate) mod wrap;

use std::time::Duration;

use daemon_core::values;

/// A length to the millisecond, such as `1m 30s`; below one, to the microsecond.
pub(crate) fn format_duration(duration: Duration) -> String {
    let whole = |count: u128| u64::try_from(count).unwrap_or(u64::MAX);
    let rounded = match duration.as_millis() {
        0 => Duration::from_micros(whole(duration.as_micros())),
        millis => Duration::from_millis(whole(millis)),
    };
    values::format_duration(rounded)
}

/// A configured share from 0 to 1, with at most three decimals and without the noise of binary fractions: 0.07 is `7%`.
pub(crate) fn format_share(share: f64) -> String {
    format!("{}%", (share * 100_000.0).round() / 1_000.0)
}

/// A measured share from 0 to 1: one decimal, three below 0.1%.
pub(crate) fn format_ratio(ratio: f64) -> String {
    match ratio * 100.0 {
        0.0 => "0%".to_owned(),
        percent if percent < 0.1 => format!("{percent:.3}%"),
        percent => format!("{percent:.1}%"),
    }
}

/// Measured seconds in the unit that suits their size: `0.25 ms`, `25 ms`, `2.50 s`, `250 s`.
pub(crate) fn format_seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        short if short < 0.01 => format!("{:.2} ms", short * 1e3),
        short if short < 1.0 => format!("{:.0} ms", short * 1e3),
        long if long < 100.0 => format!("{long:.2} s"),
        longer => format!("{longer:.0} s"),
    }
}

/// Seconds relative to a moment, with their sign: `+4.0 s`.
pub(crate) fn format_offset(seconds: f64) -> String {
    format!("{seconds:+.1} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_shares_read_the_same_everywhere() {
        assert_eq!(format_duration(Duration::from_micros(90_000_400)), "1m 30s");
        assert_eq!(format_duration(Duration::from_nanos(100_900)), "100us");
        assert_eq!([0.07, 0.3, 1.0, 0.00125].map(format_share), ["7%", "30%", "100%", "0.125%"]);
        assert_eq!([0.0, 0.0004, 0.3].map(format_ratio), ["0%", "0.040%", "30.0%"]);
        assert_eq!(
            [0.0, 0.00025, 0.025, 2.5, 250.0].map(format_seconds),
            ["0 s", "0.25 ms", "25 ms", "2.50 s", "250 s"]
        );
    }
}
