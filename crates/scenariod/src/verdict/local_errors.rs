//! Decides whether the load generator's own machine spoiled a run: operations that failed because it had no descriptor, port
//! or memory left for a connection. Pure; the counts are read elsewhere.

use metrics_core::labels::{ErrorType, Finding};

use crate::prometheus::Series;
use crate::scenario::During;
use crate::scenario::expectation::Expectation;
use crate::verdict::judgement::Judgement;
use crate::verdict::report::figures::whole_count;

/// Why the client cannot be judged, from the failed operations of the run by `server` and `type`. `None` if no operation
/// failed for a local reason.
pub(super) fn local_shortage(errors: &[Series]) -> Option<String> {
    let is_local = |series: &&Series| series.label("type") == ErrorType::Local.as_str();
    let count =
        |series: &Series| series.points.last().and_then(|(_, value)| whole_count(*value)).unwrap_or(0);
    let mut nodes: Vec<(&str, u64)> = errors
        .iter()
        .filter(is_local)
        .map(|series| (series.label("server"), count(series)))
        .filter(|(_, count)| *count > 0)
        .collect();
    nodes.sort_unstable();
    let total: u64 = nodes.iter().map(|(_, count)| count).sum();
    let list: Vec<String> = nodes.iter().map(|(server, count)| format!("{server} {count}")).collect();
    (total > 0).then(|| {
        format!(
            "the load generator could not open connections on its own machine: {total} errors of type `{}` ({}); its log shows the cause",
            ErrorType::Local,
            list.join(", ")
        )
    })
}

/// The judgement of an expectation in a run with such a shortage: nothing that failed in a phase is blamed on the client.
/// An expectation of the whole run, such as that no wrong value is read, fails nevertheless.
pub(super) fn with_shortage(expectation: &Expectation, judgement: Judgement, shortage: &str) -> Judgement {
    match judgement.finding {
        Some(Finding::Fail) if expectation.during != During::Run => {
            let reason = format!("{shortage}; without that it would have failed: {}", judgement.reason);
            Judgement { decisive_point: judgement.decisive_point, ..Judgement::inconclusive(reason) }
        }
        _ => judgement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::scenarios;
    use crate::catalogue::source_files::Source;

    fn series(server: &str, kind: &str, value: f64) -> Series {
        let labels =
            [("server", server), ("type", kind)].map(|(name, value)| (name.to_owned(), value.to_owned()));
        Series { labels: labels.into(), points: vec![(1.0, value)] }
    }

    #[test]
    fn errors_of_the_machine_are_named_with_their_nodes() {
        let errors = [
            series("b", "local", 30.0),
            series("a", "timeout", 500.0),
            series("a", "local", 12.0),
            series("c", "local", 0.0),
        ];
        assert_eq!(
            local_shortage(&errors).as_deref(),
            Some(
                "the load generator could not open connections on its own machine: 42 errors of type `local` (a 12, b 30); its log shows the cause"
            )
        );
    }

    #[test]
    fn other_errors_are_the_clients() {
        assert_eq!(local_shortage(&[]), None);
        assert_eq!(local_shortage(&[series("a", "timeout", 9.0), series("a", "local", 0.0)]), None);
        assert_eq!(local_shortage(&[series("a", "local", f64::NAN)]), None);
    }

    #[test]
    fn only_expectations_of_the_whole_run_fail_in_spite_of_it() {
        let text = "family: f\nphases: { stabilization: 1s, testing: 1s, recovery: 1s }\nscenarios:\n  - name: s\n    about: a\n    \
                    faults: [{ target: n, fault: stall }]\n    expect:\n      - { name: p, phase: testing, must: always, promql: up > bool 0 }\n      \
                    - { name: r, phase: run, must: always, promql: up > bool 0 }\n";
        let source = Source { name: "f.yaml".to_owned(), text: text.to_owned() };
        let scenarios = scenarios(&[source]).unwrap();
        let fail = || Judgement { finding: Some(Finding::Fail), ..Judgement::inconclusive("false") };
        let found = |index: usize, judgement| with_shortage(&scenarios[0].expect[index], judgement, "short");
        let excused = found(0, fail());
        assert_eq!(
            (excused.finding, excused.reason.as_str()),
            (Some(Finding::Inconclusive), "short; without that it would have failed: false")
        );
        assert_eq!(found(1, fail()), fail());
        let pass = Judgement { finding: Some(Finding::Pass), ..Judgement::inconclusive("held") };
        assert_eq!(found(0, pass.clone()), pass);
    }
}
