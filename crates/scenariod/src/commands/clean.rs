//! `scenariod clean`: removes by hand what runs have left behind, and says what it found. Live runs are left alone.

use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, Failure, UserError};
use metrics_core::Registry;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;

use super::context::{load_lab, load_state, print_output};
use crate::cli::args::CleanArgs;
use crate::clock::unix_seconds;
use crate::injector::{Residue, Suspect, remove};
use crate::lease::Lease;
use crate::lease::ownership::{Found, Owned, Sight, sort, why, why_left};
use crate::metrics::SetupError;
use crate::run::rig::OTHER;
use crate::settings::Settings;
use crate::state::StateDir;
use crate::state::journal::settle;
use crate::toxiproxy::{Client, Placed, Power, Proxy, ToxiproxyError};

/// How long removal is tried.
const BUDGET: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(200);

/// Why it is not known that nothing is left.
#[derive(Debug, thiserror::Error)]
enum CleanError {
    #[error(transparent)]
    Absent(ToxiproxyError),
    #[error(transparent)]
    Stranger(ToxiproxyError),
    #[error("a fault may still be on: {0}")]
    Silent(ToxiproxyError),
    #[error(transparent)]
    Residue(#[from] Residue),
}

impl UserError for CleanError {
    fn exit(&self) -> Exit {
        match self {
            CleanError::Absent(_) | CleanError::Stranger(_) => Exit::Setup,
            CleanError::Silent(_) | CleanError::Residue(_) => Exit::Residue,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            CleanError::Absent(_) => "is the lab up? A toxiproxy that is dead holds no toxics".to_owned(),
            CleanError::Stranger(_) => OTHER.to_owned(),
            CleanError::Silent(_) => {
                "a toxiproxy that does not answer has to be restarted; its toxics go with it".to_owned()
            }
            CleanError::Residue(residue) => residue.hint(),
        })
    }
}

impl From<ToxiproxyError> for CleanError {
    fn from(error: ToxiproxyError) -> CleanError {
        match error {
            ToxiproxyError::Connect { .. } => CleanError::Absent(error),
            other => CleanError::Silent(other),
        }
    }
}

/// Cleans, or says what it would do.
pub(crate) fn run(args: &CleanArgs) -> Result<Exit, Failure> {
    let settings = Settings::new(&load_lab(&args.lab)?, None, args.toxiproxy.toxiproxy.clone())?;
    let state = load_state(&args.state)?;
    // Nobody scrapes this command.
    let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
    let client = Client::new(&settings.toxiproxy, Arc::clone(&families));
    let client = client.map_err(SetupError::Client)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(SetupError::Runtime)?;
    let nodes = settings.names();
    let cleaned = runtime.block_on(clean(&client, &state, &nodes, args.dry_run));
    let (text, left) = cleaned?;
    Ok(print_output(&text).worst(left))
}

async fn clean(
    client: &Client,
    state: &StateDir,
    nodes: &[String],
    dry_run: bool,
) -> Result<(String, Exit), CleanError> {
    let before = client.proxies().await.map_err(|error| match error {
        // Nothing was seen there, and nothing asked for.
        ToxiproxyError::Stranger { .. } => CleanError::Stranger(error),
        other => other.into(),
    })?;
    let (forfeited, live) = sorted(&before, state);
    let mut text = String::new();
    for (found, owner) in &live {
        text.push_str(&line("left", "on", found, why_left(*owner)));
    }
    let foreign = foreign(&before, nodes);
    foreign.iter().for_each(|line| text.push_str(line));
    let others = match foreign.len() {
        0 => String::new(),
        count => format!(", {count} of others left"),
    };
    if dry_run {
        for (found, owner) in &forfeited {
            text.push_str(&line("would remove", "from", found, why(*owner)));
        }
        let left = if forfeited.is_empty() { Exit::Ok } else { Exit::Residue };
        return Ok((
            text + &format!("{} to be removed, {} of live runs{others}\n", forfeited.len(), live.len()),
            left,
        ));
    }
    let after = removed(client, state, &before).await?;
    for (found, owner) in &forfeited {
        text.push_str(&line("removed", "from", found, why(*owner)));
    }
    for settled in settle(state, client.url(), &after) {
        text.push_str(&format!("{settled}\n"));
    }
    let count = format!("{} removed, {} of live runs left{others}\n", forfeited.len(), live.len());
    Ok((text + &count, Exit::Ok))
}

fn sorted<'a>(proxies: &'a [Proxy], state: &StateDir) -> (Vec<Owned<'a>>, Vec<Owned<'a>>) {
    sort(proxies, |run| state.owner(run), |_| Sight::now(unix_seconds()))
}

/// What others put on the lab's nodes: it stays, and a run refuses to start beside it.
fn foreign(proxies: &[Proxy], nodes: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for proxy in proxies.iter().filter(|proxy| nodes.contains(&proxy.name)) {
        let ours = |placed: &&Placed| Lease::parse(&placed.name).is_some();
        for placed in proxy.toxics.iter().filter(|placed| !ours(placed)) {
            let Placed { name, kind, .. } = placed;
            let whose = if placed.is_named_by_default() {
                "it is not ours; toxiproxy names so what is put on without a name, as with toxiproxy-cli"
            } else {
                "it is not ours; somebody or another tool put it on under this name"
            };
            lines.push(format!("left {name} ({kind}) on {}: {whose}\n", proxy.name));
        }
        let marked = proxy.toxics.iter().any(|placed| ours(&placed));
        if proxy.power == Power::Disabled && !marked {
            lines.push(format!("left {} disabled: there is no mark of ours on it\n", proxy.name));
        }
    }
    lines
}

fn line(done: &str, preposition: &str, found: &Found<'_>, why: &str) -> String {
    format!("{done} {} {preposition} {}: {why}\n", found.placed.name, found.proxy.name)
}

/// Removes until nothing is left that has no right to be there; gives what is there then.
async fn removed(client: &Client, state: &StateDir, before: &[Proxy]) -> Result<Vec<Proxy>, CleanError> {
    let give_up = Instant::now() + BUDGET;
    let mut proxies = before.to_vec();
    let mut cause = None;
    loop {
        let (forfeited, _) = sorted(&proxies, state);
        if forfeited.is_empty() {
            return Ok(proxies);
        }
        let toxics: Vec<Suspect> = forfeited.iter().map(|(found, _)| Suspect::from(found)).collect();
        if Instant::now() >= give_up {
            return Err(Residue { toxics, url: client.url().to_owned(), cause }.into());
        }
        cause = remove(client, &toxics, give_up).await.or(cause);
        proxies = client.proxies().await?;
        if cause.is_some() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}
