//! Reads the figures of a report from Prometheus: nodes, operations never sent and faults on a share of the connections.
//! Expectations are evaluated in `evaluate`; what the figures mean is decided in `report`.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics_core::families::client::readings;

use crate::prometheus::{PrometheusError, Series};
use crate::promql::format_range;
use crate::scenario::{During, Window};
use crate::verdict::facts::{RunFacts, Scope};
use crate::verdict::live_series::LiveSeries;
use crate::verdict::report::NodeReport;
use crate::verdict::report::figures::{PhaseSeries, node_figures, whole_count};
use crate::verdict::report::share::{self, ShareResult, WindowCounts, share_result};
use crate::verdict::report::times::NodeSamples;

/// What happened to faults on a share of the connections.
pub(super) async fn read_shares(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<Vec<ShareResult>, PrometheusError> {
    if run.partial_faults.is_empty() || run.scope == Scope::SoFar {
        return Ok(Vec::new());
    }
    let under_fault = Window { end: run.windows.on_until, ..run.windows.testing };
    let counts = match share::windows(under_fault, interval) {
        Some([first, last]) => Some([read_counts(live, first).await?, read_counts(live, last).await?]),
        None => None,
    };
    Ok(run.partial_faults.iter().map(|fault| share_result(fault, counts.as_ref())).collect())
}

async fn read_counts(live: &LiveSeries<'_>, window: Window) -> Result<WindowCounts, PrometheusError> {
    let (range, at) = (format_range(window.end - window.start), Some(window.end));
    Ok(WindowCounts {
        sent: live.instant(&readings::sent(&range), at).await?,
        quick: live.instant(&readings::quick(&range), at).await?,
        failed: live.instant(&readings::errors(&range), at).await?,
    })
}

/// Operations that were due and never sent, by phase.
pub(super) async fn read_dropped(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<BTreeMap<&'static str, u64>, PrometheusError> {
    let mut dropped = BTreeMap::new();
    for phase in phases(run, interval) {
        let answer = live.instant(&readings::dropped(&phase.range()), Some(phase.at)).await?;
        let value = answer.first().and_then(|series| series.points.last()).map(|(_, value)| *value);
        if let Some(count) = value.and_then(whole_count).filter(|count| *count > 0) {
            dropped.insert(phase.during.as_str(), count);
        }
    }
    Ok(dropped)
}

/// The figures of every node, those with a fault first.
pub(super) async fn read_nodes(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<Vec<NodeReport>, PrometheusError> {
    let samples = read_samples(live, run, interval).await?;
    let mut phase_series = Vec::new();
    for phase in phases(run, interval) {
        let series = read_phase(live, &phase).await?;
        phase_series.push((phase, series));
    }
    let node = |server: &String| {
        let samples = samples.of_node(server);
        let recovery = samples.recovery(&run.windows, run.planned.recovery);
        let figures = phase_series
            .iter()
            .map(|(phase, series)| node_figures(phase.during.as_str(), phase.window, server, series));
        NodeReport {
            server: server.clone(),
            target: run.targets.contains(server),
            hurt: samples.was_hurt(&run.windows),
            time_to_detect_seconds: samples.time_to_detect(&run.windows),
            recovery: if run.scope == Scope::Whole { recovery } else { recovery.so_far() },
            phases: figures.collect(),
        }
    };
    let (targets, others): (Vec<&String>, Vec<&String>) =
        run.nodes.iter().partition(|server| run.targets.contains(*server));
    Ok(targets.into_iter().chain(others).map(node).collect())
}

/// A phase that took place.
struct MeasuredPhase {
    during: During,
    window: Window,
    /// When all of the phase has been scraped, in seconds since the epoch.
    at: f64,
}

impl MeasuredPhase {
    fn range(&self) -> String {
        format_range(self.at - self.window.start)
    }
}

fn phases(run: &RunFacts<'_>, interval: Duration) -> Vec<MeasuredPhase> {
    let measured = |during| {
        let window = run.windows.of(during);
        // Nothing changes after the last phase, so the scrape that follows it belongs to it.
        let last = if during == During::Recovery { interval } else { Duration::ZERO };
        let at = window.end + last.as_secs_f64();
        (!window.is_empty()).then_some(MeasuredPhase { during, window, at })
    };
    During::PHASES.into_iter().filter_map(measured).collect()
}

/// Breaker and error samples of all nodes over the whole run.
struct RunSamples {
    breaker_changes: Vec<Series>,
    breaker_states: Vec<Series>,
    last_errors: Vec<Series>,
}

impl RunSamples {
    fn of_node(&self, server: &str) -> NodeSamples<'_> {
        fn find<'a>(series: &'a [Series], server: &str) -> Option<&'a Series> {
            series.iter().find(|series| series.label("server") == server)
        }
        NodeSamples {
            changed_at: find(&self.breaker_changes, server),
            state: find(&self.breaker_states, server),
            last_error_at: find(&self.last_errors, server),
        }
    }
}

async fn read_samples(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<RunSamples, PrometheusError> {
    let (whole, step) = (run.windows.of(During::Run), interval.as_secs_f64());
    // The scrape that follows the last phase belongs to it.
    let end = whole.end + step;
    let range = format_range(end - whole.start + 2.0 * step);
    Ok(RunSamples {
        breaker_changes: live.instant(&readings::breaker_changes(&range), Some(end)).await?,
        breaker_states: live.instant(&readings::breaker_states(&range), Some(end)).await?,
        last_errors: live.instant(&readings::last_errors(&range), Some(end)).await?,
    })
}

async fn read_phase(live: &LiveSeries<'_>, phase: &MeasuredPhase) -> Result<PhaseSeries, PrometheusError> {
    let (range, at) = (phase.range(), Some(phase.at));
    Ok(PhaseSeries {
        rates: live.instant(&readings::operation_rates(&range), at).await?,
        operations: live.instant(&readings::operations(&range), at).await?,
        errors: live.instant(&readings::errors(&range), at).await?,
        waited: live.instant(&readings::duration_buckets(&range), at).await?,
        transitions: live.instant(&readings::breaker_transitions(&range), at).await?,
        wrong_values: live.instant(&readings::wrong_values(&range), at).await?,
    })
}
