//! Has a finished run judged: waits until Prometheus has seen its end, asks it once per expectation and once per figure,
//! and makes the report. What the answers mean is decided in `judge` and `report`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use daemon_core::exit::UserError;
use metrics_core::families::client::readings;
use tokio::time::Instant;

use crate::clock::epoch_seconds;
use crate::prometheus::Series;
use crate::prometheus::{PromError, Prometheus};
use crate::promql::Nodes;
use crate::scenario::During;
use crate::scenario::Phases;
use crate::scenario::expectation::Expectation;
use crate::scenario::{Window, Windows};
use crate::verdict::clock_watch::{Look, skew};
use crate::verdict::judge::evidence::{Evidence, Health, Named};
use crate::verdict::judge::overall::{overall, unproven};
use crate::verdict::judge::{Judged, grid, judge};
use crate::verdict::report::figures::{Answers, count, figures};
use crate::verdict::report::share::{self, Asked, Counts, Survival};
use crate::verdict::report::times::Samples;
use crate::verdict::report::{Line, Node, Report};

/// How long the scrape behind the last phase is waited for, in scrapes, and at least.
const MOST_SCRAPES: u32 = 3;
const LEAST_WAIT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(200);
/// What is read before the run, to know the scrapes that its first answers rest on.
const LEAD: f64 = 30.0;
/// The start of a process is counted from a boot that the kernel tells to the second.
const START_PRECISION: f64 = 1.0;

/// How much of a run there is to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// It walked all its phases as planned.
    Whole,
    /// It ended early or its faults were lost: only what goes for all of it, with or without a fault.
    SoFar,
}

/// A run that has ended.
#[derive(Debug)]
pub(crate) struct RunFacts<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) id: &'a str,
    pub(crate) expectations: &'a [Expectation],
    pub(crate) targets: BTreeSet<String>,
    /// Faults on a share of the connections.
    pub(crate) shares: Vec<Asked>,
    /// All nodes of the lab.
    pub(crate) nodes: &'a [String],
    pub(crate) windows: Windows,
    pub(crate) scope: Scope,
    /// As planned for this run.
    pub(crate) planned: Phases,
    /// Looks at the clocks from edge to edge.
    pub(crate) clocks: &'a [Look],
}

/// Judges a run. Whatever keeps it from that stands in the report.
pub(crate) async fn assess(prometheus: &Prometheus, run: &RunFacts<'_>) -> Report {
    let targets: Vec<String> = run.targets.iter().cloned().collect();
    match try_assess(prometheus, run, &targets).await {
        Ok(report) => report,
        Err(why) => Report::unjudged(run.scenario, run.id, &targets, why),
    }
}

async fn try_assess(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    targets: &[String],
) -> Result<Report, String> {
    let silent = |error: PromError| {
        let hint = error.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("no verdict: {error}{hint}")
    };
    let skew = skew(prometheus).await.map_err(silent)?;
    let health = settle(prometheus, run).await.map_err(silent)?;
    let Some(health) = health else {
        return Err("no verdict: prometheus does not scrape the load generator".to_owned());
    };
    // A run may be shorter than the time between two scrapes: those around it are its witnesses.
    let around =
        Window { start: run.windows.of(During::Run).start - health.interval.as_secs_f64(), end: f64::MAX };
    if !health.answered(around) {
        return Err("no verdict: the load generator answered no scrape while the run was on".to_owned());
    }
    let interval = health.interval;
    let last = Look { skew, jump: 0.0 };
    if let Some(doubt) = run.clocks.iter().chain([&last]).find_map(|look| look.doubt(interval)) {
        return Err(format!("no verdict: {doubt}"));
    }
    if started_anew(prometheus, run).await.map_err(silent)? {
        return Err("no verdict: the load generator was started anew while the run was on".to_owned());
    }
    let mut lines = Vec::new();
    let mut findings = Vec::new();
    let judged = |expectation: &&Expectation| run.scope == Scope::Whole || expectation.during == During::Run;
    for expectation in run.expectations.iter().filter(judged) {
        let (promql, judged) = one(prometheus, run, expectation, &health).await.map_err(silent)?;
        findings.push((expectation, judged.clone()));
        lines.push(Line::new(expectation, promql, judged));
    }
    let findings: Vec<(&Expectation, &Judged)> =
        findings.iter().map(|(expectation, judged)| (*expectation, judged)).collect();
    let shares = shares(prometheus, run, interval).await.map_err(silent)?;
    let doubted = run.scope == Scope::SoFar || shares.iter().any(|share| share.doubt().is_some());
    Ok(Report {
        scenario: run.scenario.to_owned(),
        run: run.id.to_owned(),
        status: if doubted { unproven(&findings) } else { overall(&findings) },
        note: None,
        targets: targets.to_vec(),
        expectations: lines,
        shares,
        nodes: nodes(prometheus, run, interval).await.map_err(silent)?,
        dropped_operations: dropped(prometheus, run, interval).await.map_err(silent)?,
    })
}

/// A new process knows nothing of what the old one lived through: its breakers are closed and its errors are none.
async fn started_anew(prometheus: &Prometheus, run: &RunFacts<'_>) -> Result<bool, PromError> {
    let whole = run.windows.of(During::Run);
    let back = epoch_seconds(SystemTime::now()) - whole.start;
    let starts = prometheus.instant(&readings::starts(&promql_duration(back)), None).await?;
    let mut starts = starts.iter().filter_map(|series| series.points.last());
    Ok(starts.any(|(_, start)| *start > whole.start + START_PRECISION))
}

/// Waits for a scrape behind the end of the run. One that does not come leaves old samples, which the judge sees.
async fn settle(prometheus: &Prometheus, run: &RunFacts<'_>) -> Result<Option<Health>, PromError> {
    let end = run.windows.of(During::Run).end;
    let begin = Instant::now();
    loop {
        let back = epoch_seconds(SystemTime::now()) - run.windows.of(During::Run).start + LEAD;
        let up = prometheus.instant(&readings::scrapes(&promql_duration(back)), None).await?;
        let health = Health::new(&up);
        let patience = health.as_ref().map_or(LEAST_WAIT, |health| health.interval * MOST_SCRAPES);
        let seen = health.as_ref().is_some_and(|health| health.newest() > end);
        if seen || begin.elapsed() > patience.max(LEAST_WAIT) {
            if let Some(health) = &health {
                // Rules are evaluated on their own beat: what they make of that scrape comes up to one interval later.
                let rest = end + health.interval.as_secs_f64() - epoch_seconds(SystemTime::now());
                tokio::time::sleep(Duration::try_from_secs_f64(rest).unwrap_or_default()).await;
            }
            return Ok(health);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// One expectation, with its query as it was asked.
async fn one(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    expectation: &Expectation,
    health: &Health,
) -> Result<(String, Judged), PromError> {
    let nodes = Nodes { targets: &run.targets, all: run.nodes };
    let Some(filled) = expectation.query.fill(nodes) else {
        let template = expectation.query.template().to_owned();
        return Ok((template, Judged::not_applicable("every node has a fault")));
    };
    let grid = grid(expectation, &run.windows, health.interval);
    let judged = match prometheus.range(&filled.promql, grid).await {
        Err(error) if error.is_silence() => return Err(error),
        Err(error) => Judged::inconclusive(error.to_string()),
        Ok(series) => {
            let series = Named::all(series);
            let evidence = Evidence { series: &series, nodes: &filled.nodes, health, grid };
            judge(expectation, &run.windows, &evidence, run.planned.of(expectation.during))
        }
    };
    let value = value(prometheus, run, expectation, &judged).await;
    let reason = value.map_or_else(|| judged.reason.clone(), |value| format!("{} ({value})", judged.reason));
    Ok((filled.promql, Judged { reason, ..judged }))
}

/// What was compared at the moment that decided against an expectation, if that can be told.
async fn value(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    expectation: &Expectation,
    judged: &Judged,
) -> Option<String> {
    let (name, offset) = judged.decided.as_ref()?;
    let promql = expectation.query.compared(Nodes { targets: &run.targets, all: run.nodes })?;
    let at = run.windows.of(expectation.during).start + offset;
    let series = Named::all(prometheus.instant(&promql, Some(at)).await.ok()?);
    let (_, value) = *series.iter().find(|named| named.name == *name)?.series.points.last()?;
    let digits = if value.abs() < 10.0 { 4 } else { 1 };
    Some(format!("was {value:.digits$}"))
}

/// What became of faults on a share of the connections.
async fn shares(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<Vec<Survival>, PromError> {
    if run.shares.is_empty() || run.scope == Scope::SoFar {
        return Ok(Vec::new());
    }
    let counts = match share::windows(Window { end: run.windows.on_until, ..run.windows.testing }, interval) {
        Some([first, last]) => Some([counts(prometheus, first).await?, counts(prometheus, last).await?]),
        None => None,
    };
    Ok(run.shares.iter().map(|asked| share::survival(asked, counts.as_ref())).collect())
}

async fn counts(prometheus: &Prometheus, window: Window) -> Result<Counts, PromError> {
    let (length, at) = (promql_duration(window.end - window.start), Some(window.end));
    Ok(Counts {
        sent: prometheus.instant(&readings::sent(&length), at).await?,
        quick: prometheus.instant(&readings::quick(&length), at).await?,
        failed: prometheus.instant(&readings::errors(&length), at).await?,
    })
}

/// The phases that a run came to, and the moment at which all of each has been scraped: nothing changes behind the last.
fn phases(run: &RunFacts<'_>, interval: Duration) -> Vec<(During, Window, f64)> {
    let of = |during| {
        let window = run.windows.of(during);
        let last = if during == During::Recovery { interval } else { Duration::ZERO };
        (!window.is_empty()).then_some((during, window, window.end + last.as_secs_f64()))
    };
    During::PHASES.into_iter().filter_map(of).collect()
}

/// What was due and not sent, by phase.
async fn dropped(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<BTreeMap<&'static str, u64>, PromError> {
    let mut dropped = BTreeMap::new();
    for (during, window, at) in phases(run, interval) {
        let answer =
            prometheus.instant(&readings::dropped(&promql_duration(at - window.start)), Some(at)).await?;
        let value = answer.first().and_then(|series| series.points.last()).map(|(_, value)| *value);
        if let Some(count) = value.and_then(count).filter(|count| *count > 0) {
            dropped.insert(during.as_str(), count);
        }
    }
    Ok(dropped)
}

/// The figures of every node, the sick ones first.
async fn nodes(
    prometheus: &Prometheus,
    run: &RunFacts<'_>,
    interval: Duration,
) -> Result<Vec<Node>, PromError> {
    let step = interval.as_secs_f64();
    let whole = run.windows.of(During::Run);
    // Nothing changes behind the last phase: its last scrape comes after it.
    let end = whole.end + step;
    let back = promql_duration(end - whole.start + 2.0 * step);
    let changed = prometheus.instant(&readings::breaker_changes(&back), Some(end)).await?;
    let states = prometheus.instant(&readings::breaker_states(&back), Some(end)).await?;
    let errors = prometheus.instant(&readings::last_errors(&back), Some(end)).await?;
    let mut answers = Vec::new();
    for (during, window, at) in phases(run, interval) {
        let length = promql_duration(at - window.start);
        answers.push((during, window, phase(prometheus, &length, at).await?));
    }
    let node = |server: &String| {
        let of_node =
            |series: &'_ [Series]| series.iter().position(|series| series.label("server") == server);
        let samples = Samples {
            changed_at: of_node(&changed).and_then(|at| changed.get(at)),
            state: of_node(&states).and_then(|at| states.get(at)),
            last_error_at: of_node(&errors).and_then(|at| errors.get(at)),
        };
        let target = run.targets.contains(server);
        let recovery = samples.recovery(&run.windows, run.planned.recovery);
        Node {
            server: server.clone(),
            target,
            hurt: samples.was_hurt(&run.windows),
            time_to_detect_seconds: samples.time_to_detect(&run.windows),
            recovery: if run.scope == Scope::Whole { recovery } else { recovery.so_far() },
            phases: answers
                .iter()
                .map(|(during, window, answers)| figures(during.as_str(), *window, server, answers))
                .collect(),
        }
    };
    let (sick, well): (Vec<&String>, Vec<&String>) =
        run.nodes.iter().partition(|server| run.targets.contains(*server));
    Ok(sick.into_iter().chain(well).map(node).collect())
}

async fn phase(prometheus: &Prometheus, length: &str, at: f64) -> Result<Answers, PromError> {
    let at = Some(at);
    Ok(Answers {
        rates: prometheus.instant(&readings::operation_rates(length), at).await?,
        operations: prometheus.instant(&readings::operations(length), at).await?,
        errors: prometheus.instant(&readings::errors(length), at).await?,
        waited: prometheus.instant(&readings::duration_buckets(length), at).await?,
        transitions: prometheus.instant(&readings::breaker_transitions(length), at).await?,
        wrong_values: prometheus.instant(&readings::wrong_values(length), at).await?,
    })
}

/// As PromQL writes it.
fn promql_duration(seconds: f64) -> String {
    format!("{}ms", Duration::try_from_secs_f64(seconds).unwrap_or(Duration::from_secs(1)).as_millis().max(1))
}
