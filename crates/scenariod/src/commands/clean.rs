//! `scenariod clean`: removes what earlier runs have left behind and lists what it found. Toxics of live runs stay.

use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, Failure, UserError};
use daemon_core::runtime::multi_thread;
use metrics_core::Registry;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;

use super::context::{load_lab, load_state, print_output};
use crate::cli::args::CleanArgs;
use crate::clock::unix_seconds;
use crate::injector::{ReadBack, Removal, RemovalLimit, Residue, Suspect, remove_until_gone};
use crate::lease::Lease;
use crate::lease::ownership::{FoundToxic, LabToxics, Sighting, separate_leftovers};
use crate::metrics::SetupError;
use crate::settings::Settings;
use crate::state::StateDir;
use crate::state::journal::complete_journals;
use crate::toxiproxy::{Client, Power, Proxy, ProxyToxic, ToxiproxyError, UNREACHABLE_HINT};

/// How long removal is tried.
const BUDGET: Duration = Duration::from_secs(15);

/// Why toxics may still be left.
#[derive(Debug, thiserror::Error)]
enum CleanError {
    #[error(transparent)]
    Unreachable(ToxiproxyError),
    #[error(transparent)]
    NotToxiproxy(ToxiproxyError),
    #[error("a fault may still be active: {0}")]
    Unread(ToxiproxyError),
    #[error(transparent)]
    Residue(#[from] Residue),
}

impl UserError for CleanError {
    fn exit(&self) -> Exit {
        match self {
            CleanError::Unreachable(_) | CleanError::NotToxiproxy(_) => Exit::Setup,
            CleanError::Unread(_) | CleanError::Residue(_) => Exit::Residue,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            CleanError::Unreachable(_) => {
                "is the lab running? a toxiproxy that is not running holds no toxics".to_owned()
            }
            CleanError::NotToxiproxy(_) => UNREACHABLE_HINT.to_owned(),
            CleanError::Unread(_) => {
                "restart a toxiproxy that does not answer; a restart drops its toxics".to_owned()
            }
            CleanError::Residue(residue) => residue.hint(),
        })
    }
}

impl From<ToxiproxyError> for CleanError {
    fn from(error: ToxiproxyError) -> CleanError {
        match error {
            ToxiproxyError::Connect { .. } => CleanError::Unreachable(error),
            other => CleanError::Unread(other),
        }
    }
}

/// Removes leftovers, or lists them.
pub(crate) fn run(args: &CleanArgs) -> Result<Exit, Failure> {
    let settings = Settings::new(&load_lab(&args.lab)?, None, args.toxiproxy.toxiproxy.clone())?;
    let state = load_state(&args.state)?;
    // This command serves no metrics.
    let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
    let client = Client::new(&settings.toxiproxy, Arc::clone(&families));
    let client = client.map_err(SetupError::Client)?;
    let runtime = multi_thread(1).map_err(SetupError::Runtime)?;
    let nodes = settings.names();
    let (text, exit) = runtime.block_on(clean(&client, &state, &nodes, args.dry_run))?;
    Ok(print_output(&text).worst(exit))
}

/// The text to print and the exit code.
async fn clean(
    client: &Client,
    state: &StateDir,
    nodes: &[String],
    dry_run: bool,
) -> Result<(String, Exit), CleanError> {
    let before = client.proxies().await.map_err(|error| match error {
        // Nothing of this lab can be on a server that is not a Toxiproxy.
        ToxiproxyError::NotToxiproxy { .. } => CleanError::NotToxiproxy(error),
        other => other.into(),
    })?;
    let LabToxics { leftovers, kept } = lab_toxics(&before, state);
    let mut text = String::new();
    for (found, liveness) in &kept {
        text.push_str(&toxic_line("kept", "on", found, liveness.keep_reason()));
    }
    let foreign = foreign_lines(&before, nodes);
    text.extend(foreign.iter().map(String::as_str));
    let mut counts = format!("{} kept (owned by live runs)", kept.len());
    if !foreign.is_empty() {
        counts.push_str(&format!(", {} kept (not of this lab)", foreign.len()));
    }
    if dry_run {
        for (found, liveness) in &leftovers {
            text.push_str(&toxic_line("would remove", "from", found, liveness.removal_reason()));
        }
        text.push_str(&format!("{} to remove, {counts}\n", leftovers.len()));
        return Ok((text, if leftovers.is_empty() { Exit::Ok } else { Exit::Residue }));
    }
    let suspects = leftovers.iter().map(|(found, _)| Suspect::from(found)).collect();
    let mut removal = CleanRemoval { client, state, proxies: before.clone() };
    let limit = RemovalLimit::Deadline(Instant::now() + BUDGET);
    remove_until_gone(client, &mut removal, ReadBack::of_suspects(suspects), limit).await?;
    for (found, liveness) in &leftovers {
        text.push_str(&toxic_line("removed", "from", found, liveness.removal_reason()));
    }
    for run in complete_journals(state, client.url(), &removal.proxies) {
        text.push_str(&format!("{run}\n"));
    }
    text.push_str(&format!("{} removed, {counts}\n", leftovers.len()));
    Ok((text, Exit::Ok))
}

fn lab_toxics<'a>(proxies: &'a [Proxy], state: &StateDir) -> LabToxics<'a> {
    separate_leftovers(proxies, |run| state.liveness(run), |_| Sighting::first_at(unix_seconds()))
}

/// A line for everything on the lab's nodes that others have changed. It stays, and a run refuses to start next to it.
fn foreign_lines(proxies: &[Proxy], nodes: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for proxy in proxies.iter().filter(|proxy| nodes.contains(&proxy.name)) {
        let is_lab_toxic = |toxic: &ProxyToxic| Lease::parse(&toxic.name).is_some();
        for toxic in proxy.toxics.iter().filter(|toxic| !is_lab_toxic(toxic)) {
            let ProxyToxic { name, kind, .. } = toxic;
            let reason = if toxic.is_named_by_default() {
                "not added by this lab; it has toxiproxy's default name, as when added with toxiproxy-cli"
            } else {
                "not added by this lab"
            };
            lines.push(format!("kept {name} ({kind}) on {}: {reason}\n", proxy.name));
        }
        let marked = proxy.toxics.iter().any(is_lab_toxic);
        if proxy.power == Power::Disabled && !marked {
            lines.push(format!("kept {} disabled: not disabled by this lab\n", proxy.name));
        }
    }
    lines
}

fn toxic_line(done: &str, preposition: &str, found: &FoundToxic<'_>, reason: &str) -> String {
    format!("{done} {} {preposition} {}: {reason}\n", found.toxic.name, found.proxy.name)
}

/// The removal of leftovers while it is in progress.
struct CleanRemoval<'a> {
    client: &'a Client,
    state: &'a StateDir,
    /// As last read.
    proxies: Vec<Proxy>,
}

impl Removal for CleanRemoval<'_> {
    type Error = CleanError;

    async fn read_back(&mut self) -> Result<ReadBack, CleanError> {
        self.proxies = self.client.proxies().await?;
        let left = lab_toxics(&self.proxies, self.state).leftovers;
        Ok(ReadBack::of_suspects(left.iter().map(|(found, _)| Suspect::from(found)).collect()))
    }
}
