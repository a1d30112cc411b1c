//! Generates docs/metrics.md from the declarations of the families.

use std::fmt::Write as _;

use crate::families::declared_by;
use crate::family::Kind;

/// The page as Markdown.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Metrics\n\n\
         Every metric of the lab. `just metrics-reference` generates this page from the code, and a test compares the two.\n\
         Series whose labels have fixed words exist at 0 from the start. Times are in seconds, shares from 0 to 1. A histogram\n\
         has the series `_bucket`, `_sum` and `_count`. Recording rules are in `prometheus/rules`.\n",
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
