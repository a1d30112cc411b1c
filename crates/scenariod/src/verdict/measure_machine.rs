//! Reads from Prometheus what the lab's own processes lacked during a run. What that excuses is decided in `judgement`.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_core::families::machine as readings;

use crate::prometheus::{Grid, Prometheus, PrometheusError};
use crate::promql::{format_range, node_pattern};
use crate::scenario::During;
use crate::verdict::facts::RunFacts;
use crate::verdict::judgement::shortage::{MachineSamples, SAMPLE_WINDOW, Share};
use crate::verdict::live_series::LiveSeries;

/// The seconds that each sample covers, as in [`SAMPLE_WINDOW`].
pub(super) const SAMPLE_LENGTH: f64 = 5.0;

/// The samples of a whole run. A part that was not measured is absent.
pub(super) async fn read_machine(
    prometheus: &Prometheus,
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<MachineSamples, PrometheusError> {
    let (whole, step) = (run.windows.of(During::Run), interval.as_secs_f64());
    let healthy = node_pattern(run.nodes.iter().filter(|node| !run.targets.contains(*node)));
    let last = whole.end + step;
    let first = last - ((last - whole.start) / step).floor().max(0.0) * step;
    let shares =
        prometheus.range(&readings::shortages(SAMPLE_WINDOW, &healthy), Grid { first, last, step }).await;
    let range = format_range(last - whole.start);
    let uptimes = live.instant(&readings::uptimes(&range), Some(last)).await;
    let target_rate = live.instant(&readings::target_rate(), Some(whole.end)).await;
    match (shares, uptimes, target_rate) {
        (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) if error.is_unavailable() => Err(error),
        // A Prometheus that rejects these queries measures no shortage, so it excuses nothing.
        (shares, uptimes, rate) => Ok(MachineSamples::new(
            &shares.unwrap_or_default(),
            &uptimes.unwrap_or_default(),
            &rate.unwrap_or_default(),
        )),
    }
}

/// The figures of each phase that took place, for the report.
pub(super) fn phase_figures(
    samples: &MachineSamples,
    run: &RunFacts<'_>,
) -> BTreeMap<&'static str, BTreeMap<&'static str, Share>> {
    let of = |during: During| {
        let figures = samples.during(run.windows.of(during), SAMPLE_LENGTH).figures();
        (!figures.is_empty()).then(|| (during.as_str(), figures))
    };
    During::PHASES.into_iter().filter_map(of).collect()
}
