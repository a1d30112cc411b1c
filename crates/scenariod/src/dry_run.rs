//! `--dry-run`: everything a run reads, nothing it writes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use metrics_core::Registry;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio_util::sync::CancellationToken;

use crate::injector::{Ground, look};
use crate::run::Order;
use crate::stage::{RunError, readable};
use crate::toxiproxy::{Client, ToxiproxyError};

/// Why a dry run has nothing good to say.
#[derive(Debug)]
pub(crate) enum DryError {
    Client(ToxiproxyError),
    Run(Box<RunError>),
}

/// What each run of the list would do, or the first reason why it would not start.
pub(crate) async fn dry_run(order: &Order) -> Result<String, DryError> {
    // Nobody scrapes a dry run.
    let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
    let client = Client::new(&order.settings.toxiproxy, Arc::clone(&families)).map_err(DryError::Client)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let stop = CancellationToken::new();
    let mut text = String::new();
    for (number, entry) in (1_u64..).zip(&order.entries) {
        let scenario = &entry.scenario;
        let plan = order.plan(entry, number);
        let ground =
            Ground { servers: &order.settings.servers, state: &order.state, now, foreign: order.foreign };
        let looked = look(&client, &ground, &stop).await;
        let refused = |cause| RunError::Refused { scenario: scenario.name.clone(), cause };
        let notes = looked.map_err(|cause| DryError::Run(Box::new(refused(cause))))?;
        for note in notes {
            text.push_str(&format!("{}: would find: {note}\n", scenario.name));
        }
        let testing = readable(plan.phases.testing);
        text.push_str(&format!("{}: would test for {testing}: {}\n", scenario.name, plan.describe()));
    }
    Ok(text)
}
