//! `--dry-run`: reads everything that a run reads and writes nothing. It refuses with the messages and exit codes of a run.

use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, UserError};
use metrics_core::Registry;
use metrics_core::families::client::readings;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_seconds;
use crate::injector::{PreflightContext, inspect};
use crate::metrics::{self, SetupError};
use crate::prometheus::{Prometheus, PrometheusError};
use crate::run::error::RunError;
use crate::run::request::RunRequest;
use crate::text::format_duration;
use crate::toxiproxy::Client;
use crate::verdict::clock_watch::{ClockReading, read_skew};
use crate::verdict::judgement::evidence::ScrapeHealth;
use crate::verdict::measure_way;
use crate::verdict::report::way;
use crate::verdict::warn_ahead::{PlannedExpectations, SCRAPE_HISTORY, scrape_problem, summarize_shortfalls};

/// What only a run can check.
const UNCHECKED: &str = "nothing was changed; not checked: whether toxiproxy accepts and removes the toxics, whether \
                         the client notices them, the restart hook\n";

/// Why a run would not start.
#[derive(Debug)]
pub(crate) enum DryError {
    Setup(SetupError),
    Run(Box<RunError>),
}

/// Why a run would have no verdict.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoVerdict {
    #[error("no verdict is possible at present: {0}")]
    Prometheus(PrometheusError),
    #[error("no verdict is possible at present: {0}")]
    Data(String),
    #[error("no verdict is possible at present: {0}")]
    TooShort(String),
}

impl UserError for NoVerdict {
    fn exit(&self) -> Exit {
        Exit::Inconclusive
    }

    fn hint(&self) -> Option<String> {
        match self {
            NoVerdict::Prometheus(error) => error.hint(),
            NoVerdict::Data(_) => None,
            NoVerdict::TooShort(_) => Some("a larger `--time-scale` makes the phases longer".to_owned()),
        }
    }
}

/// The result of a dry run.
#[derive(Debug)]
pub(crate) struct DryRun {
    pub(crate) text: String,
    pub(crate) no_verdict: Option<NoVerdict>,
}

/// What each run of the list would do, or the first reason why a run would not start.
pub(crate) async fn dry_run(order: &RunRequest) -> Result<DryRun, DryError> {
    // A dry run serves no metrics.
    let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
    let client = Client::new(&order.settings.toxiproxy, Arc::clone(&families));
    let client = client.map_err(|error| DryError::Setup(error.into()))?;
    let stop = CancellationToken::new();
    let mut text = String::new();
    for (number, entry) in (1_u64..).zip(&order.entries) {
        let scenario = &entry.scenario;
        let name = || scenario.name.clone();
        let usable = order.state.check_usable();
        usable.map_err(|cause| DryError::Run(Box::new(RunError::State { scenario: name(), cause })))?;
        let plan = order.plan(entry, number);
        let (servers, now) = (&order.settings.servers, unix_seconds());
        let context = PreflightContext { servers, state: &order.state, now, foreign: order.foreign };
        let looked = inspect(&client, &context, &stop).await;
        let refused = |cause| DryError::Run(Box::new(RunError::Refused { scenario: name(), cause }));
        for note in looked.map_err(refused)? {
            text.push_str(&format!("{}: would find: {note}\n", scenario.name));
        }
        let testing = format_duration(plan.phases.testing);
        text.push_str(&format!("{}: would test for {testing}: {}\n", scenario.name, plan.describe()));
        if order.prometheus.is_some() && scenario.expect.is_empty() {
            text.push_str(&format!(
                "{}: it has no expectations, so its runs are not judged\n",
                scenario.name
            ));
        }
    }
    // A run binds first. Here a run that holds the address was already reported above by its name.
    metrics::bind(&order.settings.metrics_addr).map_err(DryError::Setup)?;
    let no_verdict = match &order.prometheus {
        Some(prometheus) => {
            let interval = check_prometheus(prometheus).await;
            let too_short = PlannedExpectations::new(order.first_pass(), &order.settings.names())
                .shortfalls(interval.as_ref().copied().unwrap_or_default());
            too_short.iter().for_each(|line| text.push_str(&format!("{line}\n")));
            interval.err().or_else(|| summarize_shortfalls(&too_short).map(NoVerdict::TooShort))
        }
        None => None,
    };
    if let Some(prometheus) = &order.prometheus {
        // A Prometheus that just did not answer is not asked again.
        let measured = match no_verdict {
            Some(NoVerdict::Prometheus(_)) => measure_way::Measured::default(),
            _ => measure_way::read_now(prometheus).await,
        };
        text.push_str(&format!("{}\n", way::describe(measured.way)));
        text.extend(measured.load.warning().map(|warning| format!("{warning}\n")));
    }
    text.push_str(UNCHECKED);
    Ok(DryRun { text, no_verdict })
}

/// Checks what a verdict needs: a Prometheus that answers, a load generator that is scraped, clocks that agree. Returns the
/// scrape interval, if Prometheus knows it by now.
async fn check_prometheus(prometheus: &Prometheus) -> Result<Option<Duration>, NoVerdict> {
    let up = prometheus.instant(&readings::answering(), None).await.map_err(NoVerdict::Prometheus)?;
    if let Some(problem) = scrape_problem(&up) {
        return Err(NoVerdict::Data(problem.to_owned()));
    }
    let scrapes =
        prometheus.instant(&readings::scrapes(SCRAPE_HISTORY), None).await.map_err(NoVerdict::Prometheus)?;
    // A Prometheus that has just started to scrape will know its interval at the end of a run.
    let Some(health) = ScrapeHealth::new(&scrapes) else { return Ok(None) };
    let skew = read_skew(prometheus).await.map_err(NoVerdict::Prometheus)?;
    ClockReading { skew, jump: 0.0 }
        .doubt(health.interval)
        .map_or(Ok(Some(health.interval)), |doubt| Err(NoVerdict::Data(doubt)))
}
