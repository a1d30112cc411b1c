//! The page of documentation that the declarations make: docs/metrics.md. Every word of it stands in a declaration.

use std::fmt::Write as _;

use crate::families::declared_by;
use crate::family::Kind;

/// The page as Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Every metric of the lab, made from its declarations: `just metrics-reference` writes this page and a test compares it.\n\
         Label values that are words exist at 0 from the start. Times are seconds, shares are 0 to 1. Of a histogram there are\n\
         `_bucket`, `_sum` and `_count`. Recorded rules are in `prometheus/rules`.\n",
    );
    for (title, families) in declared_by() {
        let _ = write!(page, "\n## {title}\n\n| metric | kind | labels | what it is |\n|---|---|---|---|\n");
        for family in families {
            let kind = match family.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            let _ =
                writeln!(page, "| `{}` | {kind} | {} | {} |", family.name, labels.join(", "), family.help);
        }
    }
    page
}
