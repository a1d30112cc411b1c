//! `--dry-run`: reads everything that a run reads and writes nothing. It refuses with the messages and exit codes of a run.

use std::sync::Arc;

use daemon_core::exit::{Exit, UserError};
use metrics_core::Registry;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio_util::sync::CancellationToken;

use crate::clock::unix_seconds;
use crate::injector::{PreflightContext, inspect};
use crate::metrics::{self, SetupError};
use crate::run::error::RunError;
use crate::run::request::RunRequest;
use crate::text::format_duration;
use crate::toxiproxy::Client;
use crate::verdict::measure_way;
use crate::verdict::outlook::{NoVerdict, Outlook, PlannedExpectations};
use crate::verdict::report::way;

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
#[error("no verdict is possible at present: {0}")]
pub(crate) struct Doubt(NoVerdict);

impl UserError for Doubt {
    fn exit(&self) -> Exit {
        Exit::Inconclusive
    }

    fn hint(&self) -> Option<String> {
        match &self.0 {
            NoVerdict::Prometheus(error) => error.hint(),
            NoVerdict::Data(_) => None,
            NoVerdict::Phases(_) => Some("a larger `--time-scale` makes the phases longer".to_owned()),
            NoVerdict::Scrapes(_) => Some(
                "scrape every second (`scrape_interval: 1s`), or use longer ranges in the queries".to_owned(),
            ),
        }
    }
}

/// The result of a dry run.
#[derive(Debug)]
pub(crate) struct DryRun {
    pub(crate) text: String,
    pub(crate) no_verdict: Option<Doubt>,
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
        if let Some(longer) = plan.lengths.describe() {
            text.push_str(&format!("{}: {longer}\n", scenario.name));
        }
        if order.prometheus.is_some() && scenario.expect.is_empty() {
            text.push_str(&format!(
                "{}: it has no expectations, so its runs are not judged\n",
                scenario.name
            ));
        }
    }
    // A run binds first. Here a run that holds the address was already reported above by its name.
    metrics::bind(&order.settings.metrics_addr).map_err(DryError::Setup)?;
    let mut no_verdict = None;
    if let Some(prometheus) = &order.prometheus {
        let planned = PlannedExpectations::new(order.first_pass(), &order.settings.names());
        let outlook = Outlook::read(prometheus, &planned).await;
        outlook.notes.iter().for_each(|note| text.push_str(&format!("warning: {note}\n")));
        outlook.unjudged.iter().for_each(|line| text.push_str(&format!("{line}\n")));
        no_verdict = outlook.no_verdict.map(Doubt);
        // A Prometheus that just did not answer is not asked again.
        let measured = match no_verdict {
            Some(Doubt(NoVerdict::Prometheus(_))) => measure_way::Measured::default(),
            Some(_) | None => measure_way::read_now(prometheus).await,
        };
        text.push_str(&format!("{}\n", way::describe(measured.way)));
        text.extend(measured.load.warning().map(|warning| format!("{warning}\n")));
    }
    text.push_str(UNCHECKED);
    Ok(DryRun { text, no_verdict })
}
