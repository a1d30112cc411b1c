//! The two text formats of a scrape: OpenMetrics as the encoder writes it, and the classic format 0.0.4 made from it.
//! The Accept header of a request selects one. Nothing is measured here.

use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::limit;

/// A text format of `/metrics`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The format that Prometheus asks for.
    OpenMetrics,
    /// The format for all other clients, such as curl and promtool.
    Classic,
}

impl Format {
    /// The format for an Accept header: OpenMetrics if it is named and not excluded with `q=0`.
    pub(crate) fn from_accept_header(accept: Option<&str>) -> Format {
        let wanted = accept.unwrap_or_default().split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let open_metrics =
                parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            let refused =
                parts.any(|p| p.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
            open_metrics && !refused
        });
        if wanted { Format::OpenMetrics } else { Format::Classic }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The whole registry as text, in a buffer of `expected` bytes to begin with.
    pub(crate) fn encode(self, registry: &Registry, expected: usize) -> Result<String, std::fmt::Error> {
        let mut text = String::with_capacity(expected);
        limit::take_refused();
        text::encode(&mut text, registry)?;
        Ok(match self {
            Format::OpenMetrics => text,
            Format::Classic => to_classic(&text),
        })
    }
}

/// Converts OpenMetrics to the classic format. OpenMetrics names a counter's family without `_total`, the classic format
/// with it. The classic format has no end mark. Families without series are left out, because readers warn about them.
fn to_classic(open_metrics: &str) -> String {
    let mut out = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(help) = line.strip_prefix("# HELP ") else {
            if !line.starts_with('#') {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        };
        let (name, sentence) = help.split_once(' ').unwrap_or((help, ""));
        let kind = lines
            .next_if(|next| next.starts_with("# TYPE "))
            .and_then(|t| t.rsplit(' ').next())
            .unwrap_or("untyped");
        if lines.peek().is_none_or(|next| next.starts_with('#')) {
            continue;
        }
        let suffix = if kind == "counter" { "_total" } else { "" };
        out.push_str(&format!("# HELP {name}{suffix} {sentence}\n# TYPE {name}{suffix} {kind}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_gets_open_metrics_and_curl_gets_the_classic_format() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::from_accept_header(Some(prometheus)), Format::OpenMetrics);
        assert_eq!(Format::from_accept_header(Some("*/*")), Format::Classic);
        assert_eq!(
            Format::from_accept_header(Some("application/openmetrics-text;q=0, text/plain")),
            Format::Classic
        );
        assert_eq!(Format::from_accept_header(None), Format::Classic);
    }

    #[test]
    fn the_classic_format_has_total_in_counter_names_and_no_end_mark() {
        let open = "# HELP a Things\n# TYPE a counter\na_total{x=\"y # z\"} 1\n# HELP b Level\n# TYPE b gauge\nb 2\n# HELP c Empty\n# TYPE c gauge\n# EOF\n";
        let expected = "# HELP a_total Things\n# TYPE a_total counter\na_total{x=\"y # z\"} 1\n# HELP b Level\n# TYPE b gauge\nb 2\n";
        assert_eq!(to_classic(open), expected);
    }
}
