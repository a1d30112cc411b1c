//! Durations as text, with the units that the pages document.

use std::time::Duration;

/// The units that a user may write.
const UNITS: [&str; 5] = ["us", "ms", "s", "m", "h"];
/// Longer durations could overflow when they are added to each other or to a point in time.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
const HOUR: u64 = 60 * 60;

/// Reads `500ms`, `1m30s` or `1h 30m`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    if let Some(unit) = unknown_unit(text) {
        return Err(format!("unknown unit `{unit}`, use one of {}", UNITS.join(", ")));
    }
    match humantime::parse_duration(text) {
        Ok(duration) if duration <= LONGEST => Ok(duration),
        Ok(_) => Err("must not be longer than a year".to_owned()),
        Err(_) => Err("not a duration, write it like `500ms`, `30s` or `2m`".to_owned()),
    }
}

/// The first word after a number that is not a unit of the lab. The parser knows more of them, and `M` means months there.
fn unknown_unit(text: &str) -> Option<&str> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.split(is_number)
        .find(|unit| !unit.is_empty() && unit.chars().all(char::is_alphabetic) && !UNITS.contains(unit))
}

/// A duration in the same units: `1m 30s`, `744h`.
pub fn format_duration(duration: Duration) -> String {
    let hours = duration.as_secs() / HOUR;
    let rest = Duration::new(duration.as_secs() % HOUR, duration.subsec_nanos());
    match (hours, rest) {
        (0, rest) => humantime::format_duration(rest).to_string(),
        (hours, Duration::ZERO) => format!("{hours}h"),
        (hours, rest) => format!("{hours}h {}", humantime::format_duration(rest)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_documented_units_are_read() {
        for (text, millis) in
            [("500ms", 500), ("1m30s", 90_000), ("1h 30m", 5_400_000), ("744h", 2_678_400_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, unit) in [
            ("5M", "M"),
            ("2days", "days"),
            ("1w", "w"),
            ("3 months", "months"),
            ("1y", "y"),
            ("2min", "min"),
            ("1m 5sec", "sec"),
            ("7ns", "ns"),
        ] {
            assert_eq!(
                parse(text),
                Err(format!("unknown unit `{unit}`, use one of us, ms, s, m, h")),
                "{text}"
            );
        }
        for text in ["", "soon", "5", "-1s", "s", "1_000s"] {
            assert!(parse(text).unwrap_err().contains("not a duration"), "{text}");
        }
        assert_eq!(parse("9000h"), Err("must not be longer than a year".to_owned()));
    }

    #[test]
    fn durations_are_written_without_days_and_months() {
        let texts = [0, 90, 5_400, 86_400, 2_678_400, 2_678_461]
            .map(|seconds| format_duration(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "1m 30s", "1h 30m", "24h", "744h", "744h 1m 1s"]);
    }

    proptest! {
        /// A duration that is written in whole microseconds reads as the same duration.
        #[test]
        fn a_written_duration_reads_the_same(micros in 0..LONGEST.as_micros() as u64) {
            let duration = Duration::from_micros(micros);
            prop_assert_eq!(parse(&format_duration(duration)), Ok(duration));
        }
    }
}
