//! `--dry-run`: everything a run reads, nothing it writes, and the words and exit codes in which a run would refuse.

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
use crate::verdict::warn_ahead::{PlannedExpectations, SCRAPE_HISTORY, scrape_problem, summarize_shortfalls};

/// What only a run can find out.
const UNCHECKED: &str = "nothing was written; not checked: whether toxiproxy takes the toxics and gives them up again, \
                         whether the client feels them, the restart hook\n";

/// Why a run would not start.
#[derive(Debug)]
pub(crate) enum DryError {
    Setup(SetupError),
    Run(Box<RunError>),
}

/// Why a run would be walked for nothing.
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
            NoVerdict::TooShort(_) => Some("a larger `--time-scale` makes phases longer".to_owned()),
        }
    }
}

/// What a dry run found out.
#[derive(Debug)]
pub(crate) struct Dry {
    pub(crate) text: String,
    pub(crate) no_verdict: Option<NoVerdict>,
}

/// What each run of the list would do, or the first reason why it would not start.
pub(crate) async fn dry_run(order: &RunRequest) -> Result<Dry, DryError> {
    // Nobody scrapes a dry run.
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
            text.push_str(&format!("{}: nothing is expected of it: no run of it is judged\n", scenario.name));
        }
    }
    // A run binds first. Here whoever holds the address has had the chance to be named as a run.
    metrics::bind(&order.settings.metrics_addr).map_err(DryError::Setup)?;
    let no_verdict = match &order.prometheus {
        Some(prometheus) => {
            let witness = witness(prometheus).await;
            let too_short = PlannedExpectations::new(order.first_pass(), &order.settings.names())
                .shortfalls(witness.as_ref().copied().unwrap_or_default());
            too_short.iter().for_each(|line| text.push_str(&format!("{line}\n")));
            witness.err().or_else(|| summarize_shortfalls(&too_short).map(NoVerdict::TooShort))
        }
        None => None,
    };
    text.push_str(UNCHECKED);
    Ok(Dry { text, no_verdict })
}

/// What a verdict rests on: answers, a load generator that is scraped, clocks that agree. Gives how far apart scrapes are,
/// where that is known yet.
async fn witness(prometheus: &Prometheus) -> Result<Option<Duration>, NoVerdict> {
    let up = prometheus.instant(&readings::answering(), None).await.map_err(NoVerdict::Prometheus)?;
    if let Some(problem) = scrape_problem(&up) {
        return Err(NoVerdict::Data(problem.to_owned()));
    }
    let scrapes =
        prometheus.instant(&readings::scrapes(SCRAPE_HISTORY), None).await.map_err(NoVerdict::Prometheus)?;
    // One that has only begun to scrape will know its interval by the end of a run.
    let Some(health) = ScrapeHealth::new(&scrapes) else { return Ok(None) };
    let skew = read_skew(prometheus).await.map_err(NoVerdict::Prometheus)?;
    ClockReading { skew, jump: 0.0 }
        .doubt(health.interval)
        .map_or(Ok(Some(health.interval)), |doubt| Err(NoVerdict::Data(doubt)))
}
