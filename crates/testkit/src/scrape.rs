//! A `/metrics` page, read for assertions.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;

use crate::http;

/// One line of a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name as on the page, with its suffix `_total`, `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}

impl Sample {
    fn has<'a>(&self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> bool {
        labels.into_iter().all(|(name, value)| self.labels.get(name).is_some_and(|is| is == value))
    }
}

/// A page in the classic text format or in OpenMetrics.
#[derive(Debug, Clone, Default)]
pub struct Scrape {
    samples: Vec<Sample>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Gets the page of the metrics server at this address.
    ///
    /// # Errors
    /// When there is no answer or its status is not 200.
    ///
    /// # Panics
    /// When the answer is not a page of metrics.
    #[track_caller]
    pub fn get(addr: SocketAddr) -> io::Result<Self> {
        let answer = http::get(&format!("http://{addr}/metrics"))?;
        match answer.status {
            200 => Ok(Self::parse(&answer.body)),
            status => Err(io::Error::other(format!("status {status}"))),
        }
    }

    /// Reads a page.
    ///
    /// # Panics
    /// On a line that is neither a comment nor a sample.
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let mut scrape = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(comment) = line.strip_prefix('#') {
                if let Some((name, kind)) =
                    comment.trim().strip_prefix("TYPE ").and_then(|rest| rest.split_once(' '))
                {
                    scrape.types.insert(name.to_owned(), kind.to_owned());
                }
                continue;
            }
            scrape.samples.push(sample(line).unwrap_or_else(|| panic!("not a sample: {line}")));
        }
        scrape
    }

    /// Every line of the page.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The value of the only series of this name that has all these labels. It may have more labels.
    ///
    /// # Panics
    /// When several series match: use [`Scrape::sum`] or give more labels.
    #[track_caller]
    pub fn value<'a, L: IntoIterator<Item = (&'a str, &'a str)> + Clone>(
        &self,
        name: &str,
        labels: L,
    ) -> Option<f64> {
        let found = self.matching(name, labels);
        assert!(found.len() < 2, "{name}: {} series have these labels: {found:?}", found.len());
        found.first().map(|sample| sample.value)
    }

    /// The sum over every series of this name that has all these labels; 0 without such a series.
    pub fn sum<'a, L: IntoIterator<Item = (&'a str, &'a str)> + Clone>(&self, name: &str, labels: L) -> f64 {
        self.matching(name, labels).iter().map(|sample| sample.value).sum()
    }

    /// Every series of this name that has all these labels.
    pub fn matching<'a, L: IntoIterator<Item = (&'a str, &'a str)> + Clone>(
        &self,
        name: &str,
        labels: L,
    ) -> Vec<&Sample> {
        self.samples.iter().filter(|sample| sample.name == name && sample.has(labels.clone())).collect()
    }

    /// The names of all samples.
    pub fn names(&self) -> BTreeSet<&str> {
        self.samples.iter().map(|sample| sample.name.as_str()).collect()
    }

    /// The types of the families, by name, from the TYPE lines.
    pub fn types(&self) -> &BTreeMap<String, String> {
        &self.types
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, labels, rest) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, rest) = read_labels(rest)?;
            (name, labels, rest)
        }
        None => {
            let (name, rest) = line.split_once(' ')?;
            (name, BTreeMap::new(), rest)
        }
    };
    let value = rest.split_whitespace().next()?; // a timestamp or an exemplar may follow
    Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
}

fn read_labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        loop {
            match chars.next()? {
                (at, '"') => {
                    rest = &quoted[at + 1..];
                    break;
                }
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, plain) => value.push(plain),
            }
        }
        labels.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"# HELP hits Served, and "found".
# TYPE hits_total counter
hits_total{server="a",status="ok"} 3
hits_total{server="b",status="ok"} 4.5 1700000000
odd{text="a \"b\" \\ , } c\nd"} +Inf
plain NaN
# EOF
"#;

    #[test]
    fn some_of_the_labels_find_a_series() {
        let page = Scrape::parse(PAGE);
        assert_eq!(page.value("hits_total", [("server", "b")]), Some(4.5));
        assert_eq!(page.value("hits_total", [("server", "c")]), None);
        assert_eq!(page.sum("hits_total", [("status", "ok")]), 7.5);
        assert_eq!(page.sum("hits_total", []), 7.5);
        assert_eq!(page.names(), BTreeSet::from(["hits_total", "odd", "plain"]));
        assert_eq!(page.types()["hits_total"], "counter");
    }

    #[test]
    fn reads_escapes_and_special_values() {
        let page = Scrape::parse(PAGE);
        assert_eq!(page.value("odd", [("text", "a \"b\" \\ , } c\nd")]), Some(f64::INFINITY));
        assert!(page.value("plain", []).unwrap().is_nan());
    }

    #[test]
    #[should_panic(expected = "2 series")]
    fn several_matches_are_an_error() {
        Scrape::parse(PAGE).value("hits_total", [("status", "ok")]);
    }

    #[test]
    #[should_panic(expected = "not a sample: <html>")]
    fn another_text_is_not_a_page() {
        Scrape::parse("<html>");
    }
}
