//! From the command line to an order that can be run, and from its end to what is printed.

use std::io::{self, Write};
use std::time::Duration;

use daemon_core::exit::{Exit, Failure, print, report};
use daemon_core::problems::Problems;
use daemon_core::values::HttpUrl;

use super::check::CheckError;
use super::context::{load_lab, load_library, load_state, say};
use crate::catalogue::playlist::PlaylistEntry;
use crate::catalogue::selection::{self, select};
use crate::cli::{Cli, UsageError};
use crate::commands::dry_run::{Dry, DryError, dry_run};
use crate::injector::Foreign;
use crate::metrics::SetupError;
use crate::plan::schedule::Loops;
use crate::prometheus::{Auth, Prometheus, TOKEN_VARIABLE};
use crate::run::order::Order;
use crate::run::run as run_order;
use crate::scenario::target;
use crate::scenario::{Scenario, Target};
use crate::settings::Settings;
use crate::terminal::narrator::{LogLines, Manner, Narrator};

const LINGER: Duration = Duration::from_secs(5);
/// Names the Prometheus, as the flag does.
const PROMETHEUS_VARIABLE: &str = "LAB_PROMETHEUS";

/// Runs what the command line asks for.
pub(crate) fn run(cli: &Cli, log: &LogLines) -> Result<Exit, Failure> {
    let order = order(cli)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(SetupError::Runtime)?;
    let seed = cli.seed.is_none() && order.scenarios().any(picks_by_seed);
    let seed = seed.then(|| format!("seed {}", order.seed));
    if cli.dry_run {
        let said = seed.map_or(Exit::Ok, |seed| say(&format!("{seed}\n")));
        return dry(&order, &runtime).map(|exit| exit.worst(said));
    }
    let (narrator, flush) = Narrator::start(Manner::of(cli.quiet));
    let shared = log.share(&narrator);
    if let Some(note) = &order.note {
        narrator.say(note.as_str());
    }
    if let Some(seed) = seed {
        narrator.say(seed);
    }
    if order.prometheus.is_none() {
        narrator.say("no verdict: the phases are walked and nothing is judged");
        if order.scenarios().any(|scenario| !scenario.stop_when.is_empty()) {
            narrator.say("no verdict: `stop_when` is not watched");
        }
    }
    let ended = runtime.block_on(run_order(order, narrator));
    // Tasks that still hold a narrator end with the runtime; what they wait for is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(shared);
    flush.wait();
    let ended = ended?;
    ended.errors.iter().for_each(|error| {
        report(error);
    });
    let text = if cli.json { ended.reports.json() } else { ended.reports.text() + &ended.tally.table() };
    Ok(summarize(ended.exit(), &text))
}

/// Prints how the runs ended; where standard output takes nothing, to standard error.
fn summarize(ended: Exit, text: &str) -> Exit {
    let Err(error) = print(text) else { return ended };
    report(&error);
    // Nobody is left to tell when standard error is gone as well.
    let _ = io::stderr().write_all(text.as_bytes());
    unread(ended)
}

/// How runs end whose report reached nobody: set-up did not fail, and what they showed stays as bad as it is.
fn unread(ended: Exit) -> Exit {
    ended.worst(Exit::Inconclusive)
}

fn dry(order: &Order, runtime: &tokio::runtime::Runtime) -> Result<Exit, Failure> {
    match runtime.block_on(dry_run(order)) {
        Ok(Dry { text, no_verdict }) => {
            Ok(no_verdict.map_or(Exit::Ok, |doubt| report(&doubt)).worst(say(&text)))
        }
        Err(DryError::Setup(error)) => Err(error.into()),
        Err(DryError::Run(error)) => Err((*error).into()),
    }
}

fn order(cli: &Cli) -> Result<Order, Failure> {
    if cli.scenario.is_empty() {
        return Err(UsageError::NothingToRun.into());
    }
    let words = || selection::split_words(cli.scenario.iter().map(String::as_str));
    let mut library = load_library(cli)?;
    library.open_playlists(words())?;
    let selected = select(&library, words())?;
    let mut entries = selection::selected_entries(&selected);
    for entry in &mut entries {
        overrule(entry, cli)?;
    }
    let lab = load_lab(cli)?;
    let settings = Settings::new(&lab, cli.metrics_addr.clone(), cli.toxiproxy.clone())?;
    let mut problems = Problems::default();
    let names = settings.names();
    entries.iter().for_each(|entry| problems.extend(target::check_targets(&entry.scenario, &names)));
    problems.0.sort();
    problems.0.dedup();
    problems.or(()).map_err(CheckError::Problems)?;
    Ok(Order {
        note: selection::repetition_note(&selected),
        entries,
        loops: cli.loops.unwrap_or(Loops::ONCE),
        seed: cli.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..)),
        linger: cli.linger.map_or(LINGER, daemon_core::values::Span::get),
        prometheus: prometheus(cli, &settings)?,
        settings,
        state: load_state(cli)?,
        foreign: if cli.allow_foreign { Foreign::Allow } else { Foreign::Refuse },
    })
}

/// The Prometheus of the flag, of the environment, of the lab file. Variables are taken as they are: only the lab
/// file's ports are moved by its offset.
fn prometheus(cli: &Cli, settings: &Settings) -> Result<Option<Prometheus>, Failure> {
    if cli.no_verdict {
        return Ok(None);
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let in_variable = variable(PROMETHEUS_VARIABLE).map(|url| url.parse()).transpose();
    // The value may hold a password.
    let in_variable: Option<HttpUrl> = in_variable.map_err(|_| UsageError::Variable {
        name: PROMETHEUS_VARIABLE,
        wants: "a URL like http://127.0.0.1:9091",
    })?;
    let url = cli.prometheus.clone().or(in_variable).unwrap_or_else(|| settings.prometheus.clone());
    let auth = Auth::token(cli.prometheus_token_file.as_deref(), variable(TOKEN_VARIABLE))?;
    Ok(Some(Prometheus::new(&url, auth)?))
}

/// What a flag says wins over a playlist; its time scale comes on top, so that the runs keep their proportions.
fn overrule(entry: &mut PlaylistEntry, cli: &Cli) -> Result<(), UsageError> {
    if let Some(pause) = cli.pause {
        entry.pause = pause.get();
    }
    if cli.seed.is_some() {
        entry.seed = None;
    }
    if let Some(scale) = cli.time_scale {
        entry.scale = entry.scale.and(scale).ok_or(UsageError::TimeScale)?;
    }
    Ok(())
}

fn picks_by_seed(scenario: &Scenario) -> bool {
    scenario.faults.iter().any(|entry| matches!(entry.target, Target::Count(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_reached_nobody_hides_no_verdict() {
        use Exit::{Failed, Inconclusive, Interrupted, Ok, Residue, Setup};
        let ended = [Ok, Inconclusive, Failed, Setup, Interrupted, Residue];
        assert_eq!(ended.map(unread), [Inconclusive, Inconclusive, Failed, Setup, Interrupted, Residue]);
    }
}
