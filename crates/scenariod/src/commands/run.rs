//! `scenariod run`, and its short form without the word: makes a checked order of the command line, has it run, and prints how
//! the runs ended. The runs themselves are in `run`.

use std::io::{self, Write};
use std::time::Duration;

use daemon_core::exit::{Exit, Failure, print, report};
use daemon_core::runtime;
use daemon_core::values::HttpUrl;

use super::context::{load_lab, load_library, load_state, print_output};
use super::dry_run::{DryError, DryRun, dry_run};
use super::list::{Format, list_names};
use super::runnable::check_runnable;
use crate::catalogue::playlist::PlaylistEntry;
use crate::catalogue::selection::{self, select};
use crate::cli::UsageError;
use crate::cli::args::RunArgs;
use crate::injector::ForeignToxics;
use crate::metrics::SetupError;
use crate::plan::lengths::LAB_INTERVAL;
use crate::plan::schedule::Loops;
use crate::prometheus::{Auth, Prometheus, TOKEN_VARIABLE};
use crate::run::request::RunRequest;
use crate::run::run as run_order;
use crate::scenario::{Scenario, Target};
use crate::settings::Settings;
use crate::terminal::narrator::{LogLines, Narrator, OutputMode};
use crate::verdict::live_series::read_presence;

const LINGER: Duration = Duration::from_secs(5);
/// The same as `--prometheus`.
const PROMETHEUS_VARIABLE: &str = "LAB_PROMETHEUS";

/// Runs what the command line asks for, or only checks or lists it.
pub(crate) fn run(args: &RunArgs, log: &LogLines) -> Result<Exit, Failure> {
    if args.list {
        let format = if args.json { Format::Json } else { Format::Table };
        return Ok(print_output(&list_names(&args.scenario, &args.catalogue, format)?));
    }
    let mut order = order(args)?;
    let runtime = runtime::multi_thread(2).map_err(SetupError::Runtime)?;
    if let Some(prometheus) = order.prometheus.clone().filter(|_| order.needs_interval()) {
        let presence = runtime.block_on(read_presence(&prometheus));
        // Without an answer, the lab's interval is the best guess.
        order.interval = presence.ok().and_then(|presence| presence.interval).or(order.interval);
    }
    let seed = args.seed.is_none() && order.scenarios().any(picks_by_seed);
    let seed = seed.then(|| format!("seed {}", order.seed));
    if args.dry_run {
        let printed = seed.map_or(Exit::Ok, |seed| print_output(&format!("{seed}\n")));
        return run_dry(&order, &runtime).map(|exit| exit.worst(printed));
    }
    let (narrator, flush) = Narrator::start(OutputMode::choose(args.quiet));
    let redirect = log.redirect_to(&narrator);
    narrate_order(&order, seed, &narrator);
    let ended = runtime.block_on(run_order(order, narrator));
    // Tasks that still hold a narrator end with the runtime. Their work is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(redirect);
    flush.wait();
    let ended = ended?;
    ended.errors.iter().for_each(|error| {
        report(error);
    });
    let text = if args.json { ended.reports.json() } else { ended.reports.text() + &ended.tally.table() };
    Ok(summarize(ended.exit(), &text))
}

/// What is worth knowing before the first run.
fn narrate_order(order: &RunRequest, seed: Option<String>, narrator: &Narrator) {
    order.note.iter().cloned().chain(seed).for_each(|line| narrator.say(line));
    if order.prometheus.is_none() {
        narrator.say("no verdict: the phases are walked and nothing is judged");
        if order.scenarios().any(|scenario| !scenario.stop_when.is_empty()) {
            narrator.say("no verdict: `stop_when` is not watched");
        }
    }
}

/// Prints how the runs ended; to standard error where standard output fails.
fn summarize(ended: Exit, text: &str) -> Exit {
    let Err(error) = print(text) else { return ended };
    report(&error);
    // Nothing is left to print to when standard error fails as well.
    let _ = io::stderr().write_all(text.as_bytes());
    exit_without_report(ended)
}

/// The exit code of runs whose report could not be printed: inconclusive, or worse where the runs ended worse.
fn exit_without_report(ended: Exit) -> Exit {
    ended.worst(Exit::Inconclusive)
}

fn run_dry(order: &RunRequest, runtime: &tokio::runtime::Runtime) -> Result<Exit, Failure> {
    match runtime.block_on(dry_run(order)) {
        Ok(DryRun { text, no_verdict }) => {
            Ok(no_verdict.map_or(Exit::Ok, |doubt| report(&doubt)).worst(print_output(&text)))
        }
        Err(DryError::Setup(error)) => Err(error.into()),
        Err(DryError::Run(error)) => Err((*error).into()),
    }
}

fn order(args: &RunArgs) -> Result<RunRequest, Failure> {
    if args.scenario.is_empty() {
        return Err(UsageError::NothingToRun.into());
    }
    let words = || selection::split_words(args.scenario.iter().map(String::as_str));
    let mut library = load_library(&args.catalogue)?;
    library.open_playlists(words())?;
    let selected = select(&library, words())?;
    let mut entries = selection::selected_entries(&selected);
    for entry in &mut entries {
        apply_flags(entry, args)?;
    }
    let lab = load_lab(&args.lab)?;
    let settings = Settings::new(&lab, args.metrics_addr.clone(), args.toxiproxy.toxiproxy.clone())?;
    check_runnable(entries.iter().map(|entry| &entry.scenario), &settings.names())?;
    Ok(RunRequest {
        note: selection::repetition_note(&selected),
        entries,
        loops: args.loops.unwrap_or(Loops::ONCE),
        retries: args.retry_inconclusive,
        seed: args.seed.unwrap_or_else(|| fastrand::Rng::new().u64(..)),
        linger: args.linger.map_or(LINGER, daemon_core::values::Span::get),
        interval: (!args.no_verdict).then_some(LAB_INTERVAL),
        prometheus: prometheus(args, &settings)?,
        settings,
        state: load_state(&args.state)?,
        foreign: if args.allow_foreign { ForeignToxics::Allow } else { ForeignToxics::Refuse },
    })
}

/// The Prometheus of the flag, else of the environment, else of the lab file. The lab's port offset moves only ports of the
/// file.
fn prometheus(args: &RunArgs, settings: &Settings) -> Result<Option<Prometheus>, Failure> {
    if args.no_verdict {
        return Ok(None);
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let in_variable = variable(PROMETHEUS_VARIABLE).map(|url| url.parse()).transpose();
    // The value is not printed, as it may hold a password.
    let in_variable: Option<HttpUrl> = in_variable.map_err(|_| UsageError::Variable {
        name: PROMETHEUS_VARIABLE,
        wants: "a URL like http://127.0.0.1:9091",
    })?;
    let url = args.prometheus.clone().or(in_variable).unwrap_or_else(|| settings.prometheus.clone());
    let auth = Auth::from_token(args.prometheus_token_file.as_deref(), variable(TOKEN_VARIABLE))?;
    Ok(Some(Prometheus::new(&url, auth)?))
}

/// Flags override a playlist. A time scale multiplies that of the playlist, so that the runs keep their proportions.
fn apply_flags(entry: &mut PlaylistEntry, args: &RunArgs) -> Result<(), UsageError> {
    if let Some(pause) = args.pause {
        entry.pause = pause.get();
    }
    if args.seed.is_some() {
        entry.seed = None;
    }
    if let Some(scale) = args.time_scale {
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
    fn a_report_that_cannot_be_printed_does_not_hide_a_worse_end() {
        use Exit::{Failed, Inconclusive, Interrupted, Ok, Residue, Setup};
        let ended = [Ok, Inconclusive, Failed, Setup, Interrupted, Residue];
        assert_eq!(
            ended.map(exit_without_report),
            [Inconclusive, Inconclusive, Failed, Setup, Interrupted, Residue]
        );
    }
}
