//! Evaluates a finished run: waits until Prometheus has scraped its end, checks that the data can be trusted, runs one query
//! per expectation and builds the report. Samples are judged in `judgement`; figures are read in `measure`.

use std::time::{Duration, SystemTime};

use daemon_core::exit::UserError;
use metrics_core::families::client::readings;
use tokio::time::Instant;

use crate::clock::epoch_seconds;
use crate::prometheus::{Prometheus, PrometheusError, Series};
use crate::promql::{Nodes, format_range};
use crate::scenario::During;
use crate::scenario::expectation::Expectation;
use crate::verdict::clock_watch::{ClockReading, read_skew};
use crate::verdict::facts::{RunFacts, Scope};
use crate::verdict::judgement::evidence::{Evidence, NamedSeries, ScrapeHealth};
use crate::verdict::judgement::machine::excuse;
use crate::verdict::judgement::miss::Miss;
use crate::verdict::judgement::overall::{overall_status, status_without_fault};
use crate::verdict::judgement::presence::Presence;
use crate::verdict::judgement::{Judgement, evaluation_grid, judge_expectation};
use crate::verdict::live_series::LiveSeries;
use crate::verdict::local_errors::{local_shortage, with_shortage};
use crate::verdict::measure::{read_dropped, read_errors, read_nodes, read_shares};
use crate::verdict::measure_machine::{SAMPLE_LENGTH, phase_figures, read_machine};
use crate::verdict::measure_way::read_way;
use crate::verdict::report::planned::PlannedPhases;
use crate::verdict::report::{ExpectationResult, RunReport};

/// How long to wait for the scrape after the last phase: this many scrape intervals, and at least `MIN_WAIT`.
const MAX_SCRAPES: u32 = 3;
const MIN_WAIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(200);
/// The first queries of a run use scrapes from before it. Seconds.
const LEAD: f64 = 30.0;
/// The kernel reports the boot time, from which process start times are derived, in whole seconds.
const START_PRECISION: f64 = 1.0;

/// Evaluates a run. If that is not possible, the report says why.
pub(crate) async fn evaluate(prometheus: &Prometheus, run: &RunFacts<'_>) -> RunReport {
    match try_evaluate(prometheus, run).await {
        Ok(report) => report,
        Err(reason) => {
            let targets: Vec<String> = run.targets.iter().cloned().collect();
            RunReport::without_verdict(run.scenario, run.id, &targets, format!("no verdict: {reason}"))
        }
    }
}

async fn try_evaluate(prometheus: &Prometheus, run: &RunFacts<'_>) -> Result<RunReport, String> {
    let (presence, health) = check_data(prometheus, run).await?;
    let (interval, live) = (health.interval, LiveSeries::new(prometheus, &presence));
    let in_scope =
        |expectation: &&Expectation| run.scope == Scope::Whole || expectation.during == During::Run;
    let machine = read_machine(prometheus, &live, run, interval).await.map_err(with_hint)?;
    let local_shortage = local_shortage(&read_errors(&live, run, interval).await.map_err(with_hint)?);
    let mut judgements = Vec::new();
    let mut results = Vec::new();
    for expectation in run.expectations.iter().filter(in_scope) {
        let (promql, judgement) =
            evaluate_expectation(&live, run, expectation, &health).await.map_err(with_hint)?;
        let lacked = machine.during(run.windows.of(expectation.during), SAMPLE_LENGTH);
        let judgement = excuse(expectation, judgement, &lacked, interval);
        let judgement = match &local_shortage {
            Some(shortage) => with_shortage(expectation, judgement, shortage),
            None => judgement,
        };
        results.push(ExpectationResult::new(expectation, promql, &judgement));
        judgements.push((expectation, judgement));
    }
    let shares = read_shares(&live, run, interval).await.map_err(with_hint)?;
    let share_in_doubt = shares.iter().any(|share| share.doubt().is_some());
    let fault_in_doubt = run.scope == Scope::SoFar || local_shortage.is_some() || share_in_doubt;
    Ok(RunReport {
        scenario: run.scenario.to_owned(),
        run: run.id.to_owned(),
        status: if fault_in_doubt { status_without_fault(&judgements) } else { overall_status(&judgements) },
        note: local_shortage,
        earlier_attempts: Vec::new(),
        planned_phases: PlannedPhases::default(),
        not_judged: presence.notes(),
        targets: run.targets.iter().cloned().collect(),
        expectations: results,
        shares,
        nodes: read_nodes(&live, run, interval).await.map_err(with_hint)?,
        way: read_way(&live, run).await.map_err(with_hint)?,
        machine: phase_figures(&machine, run),
        dropped_operations: read_dropped(&live, run, interval).await.map_err(with_hint)?,
    })
}

fn with_hint(error: PrometheusError) -> String {
    let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
    format!("{error}{hint}")
}

/// Waits for the end of the run to be scraped. The error is the reason why the run's data cannot be used.
async fn check_data(prometheus: &Prometheus, run: &RunFacts<'_>) -> Result<(Presence, ScrapeHealth), String> {
    let skew = read_skew(prometheus).await.map_err(with_hint)?;
    let presence = await_last_scrape(prometheus, run).await.map_err(with_hint)?;
    if let Some(problem) = presence.problem() {
        return Err(problem.after_run());
    }
    let Some(health) = ScrapeHealth::new(&presence) else {
        return Err("prometheus scraped the load generator only once".to_owned());
    };
    let last = ClockReading { skew, jump: 0.0 };
    if let Some(doubt) = run.clocks.iter().chain([&last]).find_map(|reading| reading.doubt(health.interval)) {
        return Err(doubt);
    }
    let live = LiveSeries::new(prometheus, &presence);
    if has_restarted(&live, run).await.map_err(with_hint)? {
        return Err("the load generator restarted during the run".to_owned());
    }
    Ok((presence, health))
}

/// Whether the load generator restarted. The new process has lost the breaker states and error counts of the old one.
async fn has_restarted(live: &LiveSeries<'_>, run: &RunFacts<'_>) -> Result<bool, PrometheusError> {
    let run_start = run.windows.of(During::Run).start;
    let range = format_range(epoch_seconds(SystemTime::now()) - run_start);
    let starts = live.instant(&readings::starts(&range), None).await?;
    let mut starts = starts.iter().filter_map(|series| series.points.last());
    Ok(starts.any(|(_, start)| *start > run_start + START_PRECISION))
}

/// Waits for a scrape after the end of the run. If none comes, the samples are old and `judgement` finds them inconclusive.
async fn await_last_scrape(prometheus: &Prometheus, run: &RunFacts<'_>) -> Result<Presence, PrometheusError> {
    let whole = run.windows.of(During::Run);
    // Old samples that a query of this run can return are there at its start.
    let old = prometheus.instant(&readings::sightings(), Some(whole.start)).await?;
    let begin = Instant::now();
    loop {
        let range = format_range(epoch_seconds(SystemTime::now()) - whole.start + LEAD);
        let up = prometheus.instant(&readings::scrapes(&range), None).await?;
        let sightings = prometheus.instant(&readings::sightings(), None).await?;
        let presence = Presence::find(&up, &newest_sightings(sightings, &old), whole.start);
        let health = ScrapeHealth::new(&presence);
        let timeout = health.as_ref().map_or(MIN_WAIT, |health| health.interval * MAX_SCRAPES);
        let scraped = health.as_ref().is_some_and(|health| health.newest() > whole.end);
        if scraped || begin.elapsed() > timeout.max(MIN_WAIT) {
            if let Some(health) = &health {
                // Prometheus evaluates recording rules on a schedule of their own, up to one interval after the scrape.
                let rest = whole.end + health.interval.as_secs_f64() - epoch_seconds(SystemTime::now());
                tokio::time::sleep(Duration::try_from_secs_f64(rest).unwrap_or_default()).await;
            }
            return Ok(presence);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The newest sample of each load generator at the end of a run. Those that were gone by then are as they were at its start.
fn newest_sightings(mut end: Vec<Series>, start: &[Series]) -> Vec<Series> {
    let is_there = |end: &[Series], gone: &Series| end.iter().any(|series| series.labels == gone.labels);
    for series in start {
        if !is_there(&end, series) {
            end.push(series.clone());
        }
    }
    end
}

/// Evaluates one expectation. Returns the query as it was sent, and the judgement.
async fn evaluate_expectation(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    expectation: &Expectation,
    health: &ScrapeHealth,
) -> Result<(String, Judgement), PrometheusError> {
    let nodes = Nodes { targets: &run.targets, all: run.nodes };
    let Some(filled) = expectation.query.fill(nodes) else {
        let template = expectation.query.template().to_owned();
        return Ok((template, Judgement::not_applicable("every node has a fault")));
    };
    let grid = evaluation_grid(expectation, &run.windows, health.interval);
    let mut judgement = match live.range(&filled.promql, grid).await {
        Err(error) if error.is_unavailable() => return Err(error),
        Err(error) => Judgement::inconclusive(error.to_string()),
        Ok(series) => {
            let series = NamedSeries::name_all(series);
            let evidence = Evidence { series: &series, nodes: &filled.nodes, health, grid };
            judge_expectation(expectation, &run.windows, &evidence, run.planned.of(expectation.during))
        }
    };
    if let Some(number) = read_decisive_value(live, run, expectation, &judgement).await {
        let digits = if number.abs() < 10.0 { 4 } else { 1 };
        judgement.reason = format!("{} (was {number:.digits$})", judgement.reason);
        if let Some(Miss::Moment { value }) = &mut judgement.miss {
            *value = Some(number);
        }
    }
    Ok((live.restricted(&filled.promql), judgement))
}

/// The number that was compared at the decisive point of a failed expectation, if the query is a single comparison.
async fn read_decisive_value(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
    expectation: &Expectation,
    judgement: &Judgement,
) -> Option<f64> {
    let (name, offset) = judgement.decisive_point.as_ref()?;
    let promql = expectation.query.compared_value(Nodes { targets: &run.targets, all: run.nodes })?;
    let at = run.windows.of(expectation.during).start + offset;
    let series = NamedSeries::name_all(live.instant(&promql, Some(at)).await.ok()?);
    series.iter().find(|named| named.name == *name)?.series.points.last().map(|(_, value)| *value)
}
