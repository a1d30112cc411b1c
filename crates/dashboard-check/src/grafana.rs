//! How Grafana prepares a query for Prometheus, and what it draws from the result of an annotation. Pure.

use std::collections::BTreeMap;

use testkit::Series;

/// The upper bound of a raw interval and its rounded value, in ms.
const ROUNDED: [(f64, u64); 20] = [
    (10.0, 1),
    (15.0, 10),
    (35.0, 20),
    (75.0, 50),
    (150.0, 100),
    (350.0, 200),
    (750.0, 500),
    (1_500.0, 1_000),
    (3_500.0, 2_000),
    (7_500.0, 5_000),
    (12_500.0, 10_000),
    (17_500.0, 15_000),
    (25_000.0, 20_000),
    (45_000.0, 30_000),
    (90_000.0, 60_000),
    (210_000.0, 120_000),
    (450_000.0, 300_000),
    (750_000.0, 600_000),
    (1_050_000.0, 900_000),
    (1_500_000.0, 1_200_000),
];

/// The step of a range query over `range_ms` for a panel of `pixels` width.
pub(crate) fn step_ms(range_ms: f64, pixels: u64, min_step_ms: u64) -> u64 {
    let raw = range_ms / pixels as f64;
    let rounded = ROUNDED.iter().find(|(bound, _)| raw < *bound).map_or(1_800_000, |(_, rounded)| *rounded);
    rounded.max(min_step_ms)
}

/// The window of `rate()`: it has at least four scrapes and no gap between steps.
pub(crate) fn rate_interval_ms(step_ms: u64, scrape_ms: u64) -> u64 {
    (step_ms + scrape_ms).max(4 * scrape_ms)
}

/// A duration such as `1s`, `500ms` or `2m` in ms.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let unit = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(text[..digits].parse::<u64>().ok()? * unit)
}

/// Replaces `$name`, `${name}` and `${name:format}`.
///
/// # Errors
/// The undefined names.
pub(crate) fn interpolate(text: &str, values: &BTreeMap<String, String>) -> Result<String, Vec<String>> {
    let (mut done, mut rest, mut unknown) = (String::new(), text, Vec::new());
    while let Some(at) = rest.find('$') {
        done += &rest[..at];
        let after = &rest[at + 1..];
        let (name, length) = match after.strip_prefix('{') {
            Some(braced) => {
                let end = braced.find('}').unwrap_or(braced.len());
                (braced[..end].split(':').next().unwrap_or_default(), (end + 2).min(after.len()))
            }
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (&after[..end], end)
            }
        };
        match values.get(name) {
            Some(value) => done += value,
            None if name.is_empty() => done.push('$'), // the end of a regular expression
            None => unknown.push(name.to_owned()),
        }
        rest = &after[length..];
    }
    if unknown.is_empty() { Ok(done + rest) } else { Err(unknown) }
}

/// The labels that a legend or a title names as `{{label}}`.
pub(crate) fn placeholders(text: &str) -> Vec<&str> {
    text.split("{{").skip(1).filter_map(|part| part.split_once("}}")).map(|(name, _)| name.trim()).collect()
}

/// A legend or a title with its labels filled in.
pub(crate) fn fill(text: &str, labels: &BTreeMap<String, String>) -> String {
    let mut filled = String::new();
    for (index, part) in text.split("{{").enumerate() {
        match part.split_once("}}") {
            Some((name, rest)) if index > 0 => {
                filled += labels.get(name.trim()).map_or(name.trim(), String::as_str);
                filled += rest;
            }
            _ => filled += part,
        }
    }
    filled
}

/// An event of an annotation: a region, or a mark if both ends are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unix time in ms.
    pub start_ms: i64,
    /// Unix time in ms.
    pub end_ms: i64,
    /// The labels of its series.
    pub labels: BTreeMap<String, String>,
}

/// The events of a result. Points that are at most one step apart are one event. With `value_is_time`, the time of a point
/// is its value in ms; without it, a point counts if its value is above 0.
pub(crate) fn events(series: &[Series], step_ms: u64, value_is_time: bool) -> Vec<Event> {
    let mut all = Vec::<Event>::new();
    for one in series {
        let mut open: Option<Event> = None;
        for (time, value) in &one.points {
            if !value_is_time && *value <= 0.0 {
                continue;
            }
            let at = if value_is_time { value.floor() as i64 } else { (time * 1_000.0) as i64 };
            match &mut open {
                Some(event) if at <= event.end_ms + step_ms as i64 => event.end_ms = at,
                _ => {
                    all.extend(open.take());
                    open = Some(Event { start_ms: at, end_ms: at, labels: one.labels.clone() });
                }
            }
        }
        all.extend(open);
    }
    all.sort_by_key(|event| event.start_ms);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn steps_are_rounded_and_bounded_below() {
        assert_eq!(step_ms(900_000.0, 1600, 1_000), 1_000);
        assert_eq!(step_ms(3_600_000.0, 1600, 1_000), 2_000);
        assert_eq!(step_ms(6.0 * 3_600_000.0, 1600, 1_000), 15_000);
        assert_eq!(rate_interval_ms(1_000, 1_000), 4_000);
        assert_eq!(rate_interval_ms(15_000, 1_000), 16_000);
    }

    #[test]
    fn variables_are_replaced_by_their_whole_name() {
        let values = map(&[("__rate_interval", "4s"), ("__rate_interval_ms", "4000"), ("server", ".*")]);
        let text = "a{server=~\"$server\",x=~\"b$\"}[$__rate_interval] $__rate_interval_ms ${server:regex}";
        let done = "a{server=~\".*\",x=~\"b$\"}[4s] 4000 .*";
        assert_eq!(interpolate(text, &values).as_deref(), Ok(done));
        assert_eq!(interpolate("$a + ${b}", &values), Err(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn legends_are_filled() {
        assert_eq!(fill("{{server}} / {{ state }}!", &map(&[("server", "a"), ("state", "b")])), "a / b!");
        assert_eq!(placeholders("{{server}} / {{ state }}!"), ["server", "state"]);
        assert_eq!(fill("plain", &map(&[])), "plain");
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(
            ["1s", "500ms", "2m", "x", "5"].map(duration_ms),
            [Some(1_000), Some(500), Some(120_000), None, None]
        );
    }

    #[test]
    fn adjacent_points_are_one_event() {
        let series = |points: &[(f64, f64)]| [Series { labels: BTreeMap::new(), points: points.to_vec() }];
        let spans = |events: Vec<Event>| {
            events.iter().map(|event| (event.start_ms, event.end_ms)).collect::<Vec<_>>()
        };
        let by_time = series(&[(1.0, 1.0), (2.0, 3.0), (3.0, 0.0), (4.0, 1.0), (6.0, 1.0)]);
        assert_eq!(spans(events(&by_time, 1_000, false)), [(1_000, 2_000), (4_000, 4_000), (6_000, 6_000)]);
        let by_value = series(&[(1.0, 500.0), (2.0, 500.0), (3.0, 1_400.0), (4.0, 9_000.0)]);
        assert_eq!(spans(events(&by_value, 1_000, true)), [(500, 1_400), (9_000, 9_000)]);
    }
}
