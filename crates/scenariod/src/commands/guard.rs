//! `scenariod guard`: reads Toxiproxy at an interval and removes toxics of this lab whose run is dead or whose lease is
//! over. It enables the proxies below them. It injects nothing and changes nothing of anybody else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, Failure};
use daemon_core::runtime::multi_thread;
use daemon_core::signals::Signals;
use metrics_core::exporter::Readiness;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;

use super::context::{load_lab, load_state};
use crate::cli::args::GuardArgs;
use crate::clock::unix_seconds;
use crate::injector::{ReadBack, Removal, RemovalLimit, Residue, Suspect, remove_until_gone};
use crate::lease::ownership::{Liveness, Sighting, find_lab_toxics, separate_leftovers};
use crate::metrics::{self, SetupError};
use crate::settings::Settings;
use crate::state::StateDir;
use crate::state::journal::complete_journals;
use crate::terminal::narrator::{Narrator, OutputMode};
use crate::toxiproxy::{Client, Proxy, ToxiproxyError};

/// How long the removals of one check may take. A signal waits for the check in progress.
const ROUND: Duration = Duration::from_secs(5);

/// Guards until a signal ends it.
pub(crate) fn run(args: &GuardArgs) -> Result<Exit, Failure> {
    let lab = load_lab(&args.lab)?;
    let settings = Settings::new(&lab, None, args.toxiproxy.toxiproxy.clone())?;
    let addr = args.metrics_addr.clone().unwrap_or_else(|| settings.guard_addr.clone());
    let state = load_state(&args.state)?;
    let runtime = multi_thread(1).map_err(SetupError::Runtime)?;
    let (narrator, flush) = Narrator::start(OutputMode::Lines);
    let guarded = runtime.block_on(async {
        let mut signals = Signals::install().map_err(SetupError::Signals)?;
        let (families, readiness, serving) = metrics::serve_guard(metrics::bind(&addr)?);
        let client = Client::new(&settings.toxiproxy, Arc::clone(&families))?;
        narrator.say(format!("guarding {}, metrics on {addr}", client.url()));
        let mut guard = Guard::new(client, state, families, readiness, narrator);
        loop {
            guard.check().await;
            tokio::select! {
                _ = signals.recv() => break,
                () = tokio::time::sleep(args.interval.get()) => {}
            }
        }
        serving.shut_down().await;
        Ok::<Exit, SetupError>(Exit::Ok)
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    flush.wait();
    Ok(guarded?)
}

/// What the guard remembers from check to check.
struct Guard {
    client: Client,
    state: StateDir,
    families: Arc<ToxiproxyFamilies>,
    readiness: Readiness,
    narrator: Narrator,
    /// When each toxic of this lab was first seen, by its name.
    first_seen: HashMap<String, (u64, Instant)>,
    /// Toxics whose failed removal was reported: it is reported once.
    stuck: HashSet<String>,
    reach: Reach,
}

/// Whether the last reading of Toxiproxy succeeded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    NotTried,
    Answering,
    Failing,
}

/// A leftover with the state of its run.
type Leftover = (Suspect, Liveness);

impl Guard {
    fn new(
        client: Client,
        state: StateDir,
        families: Arc<ToxiproxyFamilies>,
        readiness: Readiness,
        narrator: Narrator,
    ) -> Guard {
        let (first_seen, stuck) = (HashMap::new(), HashSet::new());
        Guard { client, state, families, readiness, narrator, first_seen, stuck, reach: Reach::NotTried }
    }

    /// Reads Toxiproxy and removes what has to go. An error was reported by the time this ends.
    async fn check(&mut self) {
        let Ok(proxies) = self.read().await else { return };
        self.remember(&proxies);
        let leftovers = self.find_leftovers(&proxies);
        self.families.set_residual(leftovers.len());
        if leftovers.is_empty() {
            return;
        }
        let first = ReadBack::of_suspects(leftovers.iter().map(|(suspect, _)| suspect.clone()).collect());
        let limit = RemovalLimit::Rounds { count: 1, length: ROUND };
        let client = self.client.clone();
        let mut removal = GuardRemoval { guard: self, proxies };
        let removed = remove_until_gone(&client, &mut removal, first, limit).await;
        let proxies = removal.proxies;
        let (left, cause) = match removed {
            Ok(()) => (Vec::new(), None),
            Err(GuardError::Residue(residue)) => (residue.toxics, residue.cause),
            Err(GuardError::Unread) => return,
        };
        self.families.set_residual(left.len());
        self.report(&leftovers, &left, cause.as_ref());
        self.complete_journals(&proxies);
    }

    fn report(&mut self, leftovers: &[Leftover], left: &[Suspect], cause: Option<&ToxiproxyError>) {
        for (suspect, liveness) in leftovers {
            let Suspect { server, toxic, .. } = suspect;
            if !left.contains(suspect) {
                self.stuck.remove(toxic);
                self.narrator.say(format!("removed {toxic} from {server}: {}", liveness.removal_reason()));
            } else if self.stuck.insert(toxic.clone()) {
                let cause = cause.map_or_else(|| "it is still there".to_owned(), ToString::to_string);
                self.narrator.say(format!("cannot remove {toxic} from {server}, will try again: {cause}"));
            }
        }
    }

    /// Every proxy. Reports once when Toxiproxy stops answering, and once when it answers again.
    async fn read(&mut self) -> Result<Vec<Proxy>, GuardError> {
        let before = self.reach;
        match self.client.proxies().await {
            Ok(proxies) => {
                self.reach = Reach::Answering;
                if before != Reach::Answering {
                    self.readiness.set_ready();
                    self.complete_journals(&proxies);
                }
                if before == Reach::Failing {
                    self.narrator.say("toxiproxy answers again");
                }
                Ok(proxies)
            }
            Err(error) => {
                self.reach = Reach::Failing;
                self.families.residual_unseen();
                if before != Reach::Failing {
                    self.readiness.set_not_ready("toxiproxy does not answer");
                    self.narrator.say(format!("{error}; will try again"));
                }
                Err(GuardError::Unread)
            }
        }
    }

    fn remember(&mut self, proxies: &[Proxy]) {
        let found = find_lab_toxics(proxies);
        self.first_seen.retain(|name, _| found.iter().any(|found| found.toxic.name == *name));
        for found in found {
            let now = || (unix_seconds(), Instant::now());
            self.first_seen.entry(found.toxic.name.clone()).or_insert_with(now);
        }
    }

    fn find_leftovers(&self, proxies: &[Proxy]) -> Vec<Leftover> {
        let sighting = |name: &str| match self.first_seen.get(name) {
            Some((first, at)) => Sighting { first: *first, elapsed: at.elapsed().as_secs() },
            None => Sighting::first_at(unix_seconds()),
        };
        let toxics = separate_leftovers(proxies, |run| self.state.liveness(run), sighting);
        toxics.leftovers.iter().map(|(found, liveness)| (Suspect::from(found), *liveness)).collect()
    }

    fn complete_journals(&self, proxies: &[Proxy]) {
        for run in complete_journals(&self.state, self.client.url(), proxies) {
            self.narrator.say(run.to_string());
        }
    }
}

/// The removals of one check while they are in progress.
struct GuardRemoval<'a> {
    guard: &'a mut Guard,
    /// As last read.
    proxies: Vec<Proxy>,
}

/// Why leftovers may still be there after a check.
enum GuardError {
    /// Toxiproxy could not be read, which `Guard::read` reports.
    Unread,
    Residue(Residue),
}

impl From<Residue> for GuardError {
    fn from(residue: Residue) -> GuardError {
        GuardError::Residue(residue)
    }
}

impl Removal for GuardRemoval<'_> {
    type Error = GuardError;

    async fn read_back(&mut self) -> Result<ReadBack, GuardError> {
        self.proxies = self.guard.read().await?;
        let left = self.guard.find_leftovers(&self.proxies);
        Ok(ReadBack::of_suspects(left.into_iter().map(|(suspect, _)| suspect).collect()))
    }
}
