//! `scenariod guard`: the dead man's switch. It looks at Toxiproxy again and again and removes toxics of ours whose run
//! is dead or whose lease is over, opened proxies first. It injects nothing and touches nothing of anybody else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use daemon_core::exit::{Exit, Failure};
use daemon_core::signals::Signals;
use metrics_core::exporter::Readiness;
use metrics_core::families::toxiproxy::ToxiproxyFamilies;
use tokio::time::Instant;

use super::context::{load_lab, load_state};
use crate::cli::args::GuardArgs;
use crate::clock::unix_seconds;
use crate::injector::{Suspect, remove};
use crate::lease::ownership::{Owner, Sight, ours, sort, why};
use crate::metrics::{self, SetupError};
use crate::settings::Settings;
use crate::state::StateDir;
use crate::state::journal::settle;
use crate::terminal::narrator::{Narrator, OutputMode};
use crate::toxiproxy::{Client, Proxy};

/// How long the removals of one round may take. A signal waits for the round under way.
const ROUND: Duration = Duration::from_secs(5);

/// Guards until a signal ends it.
pub(crate) fn run(args: &GuardArgs) -> Result<Exit, Failure> {
    let lab = load_lab(&args.lab)?;
    let settings = Settings::new(&lab, None, args.toxiproxy.toxiproxy.clone())?;
    let addr = args.metrics_addr.clone().unwrap_or_else(|| settings.guard_addr.clone());
    let state = load_state(&args.state)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(SetupError::Runtime)?;
    let (narrator, flush) = Narrator::start(OutputMode::Lines);
    let guarded = runtime.block_on(async {
        let mut signals = Signals::install().map_err(SetupError::Signals)?;
        let (families, readiness, serving) = metrics::serve_guard(metrics::bind(&addr)?);
        let client = Client::new(&settings.toxiproxy, Arc::clone(&families))?;
        narrator.say(format!("guarding {}, metrics on {addr}", client.url()));
        let mut guard = Guard::new(client, state, families, readiness, narrator);
        loop {
            guard.round().await;
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

/// What the guard remembers from round to round.
struct Guard {
    client: Client,
    state: StateDir,
    families: Arc<ToxiproxyFamilies>,
    readiness: Readiness,
    narrator: Narrator,
    /// First sight of each toxic of ours, by its name.
    sights: HashMap<String, (u64, Instant)>,
    /// Toxics that could not be removed, of which that was said.
    stuck: HashSet<String>,
    reach: Reach,
}

/// Whether Toxiproxy answered the last time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    NotYet,
    Answers,
    Silent,
}

impl Guard {
    fn new(
        client: Client,
        state: StateDir,
        families: Arc<ToxiproxyFamilies>,
        readiness: Readiness,
        narrator: Narrator,
    ) -> Guard {
        let (sights, stuck) = (HashMap::new(), HashSet::new());
        Guard { client, state, families, readiness, narrator, sights, stuck, reach: Reach::NotYet }
    }

    async fn round(&mut self) {
        let Some(proxies) = self.read().await else { return };
        self.remember(&proxies);
        let (suspects, owners): (Vec<Suspect>, Vec<Owner>) = self.forfeited(&proxies).into_iter().unzip();
        self.families.set_residual(suspects.len());
        if suspects.is_empty() {
            return;
        }
        let cause = remove(&self.client, &suspects, Instant::now() + ROUND).await;
        let Some(proxies) = self.read().await else { return };
        let left: Vec<Suspect> = self.forfeited(&proxies).into_iter().map(|(suspect, _)| suspect).collect();
        self.families.set_residual(left.len());
        for (suspect, owner) in suspects.iter().zip(&owners) {
            let Suspect { server, toxic, .. } = suspect;
            if !left.contains(suspect) {
                self.stuck.remove(toxic);
                self.narrator.say(format!("removed {toxic} from {server}: {}", why(*owner)));
            } else if self.stuck.insert(toxic.clone()) {
                let cause =
                    cause.as_ref().map_or_else(|| "it is still there".to_owned(), ToString::to_string);
                self.narrator.say(format!("cannot remove {toxic} from {server}, trying on: {cause}"));
            }
        }
        self.settle(&proxies);
    }

    /// Every proxy. That Toxiproxy is silent, or answers again, is said once.
    async fn read(&mut self) -> Option<Vec<Proxy>> {
        let before = self.reach;
        match self.client.proxies().await {
            Ok(proxies) => {
                self.reach = Reach::Answers;
                if before != Reach::Answers {
                    self.readiness.set_ready();
                    self.settle(&proxies);
                }
                if before == Reach::Silent {
                    self.narrator.say("toxiproxy answers again");
                }
                Some(proxies)
            }
            Err(error) => {
                self.reach = Reach::Silent;
                self.families.residual_unseen();
                if before != Reach::Silent {
                    self.readiness.set_not_ready("toxiproxy does not answer");
                    self.narrator.say(format!("{error}; trying on"));
                }
                None
            }
        }
    }

    fn remember(&mut self, proxies: &[Proxy]) {
        let ours = ours(proxies);
        self.sights.retain(|name, _| ours.iter().any(|found| found.placed.name == *name));
        for found in ours {
            let first = || (unix_seconds(), Instant::now());
            self.sights.entry(found.placed.name.clone()).or_insert_with(first);
        }
    }

    /// What has to go, with what is known of its run.
    fn forfeited(&self, proxies: &[Proxy]) -> Vec<(Suspect, Owner)> {
        let sight = |name: &str| match self.sights.get(name) {
            Some((first, at)) => Sight { first: *first, elapsed: at.elapsed().as_secs() },
            None => Sight::now(unix_seconds()),
        };
        let (forfeited, _) = sort(proxies, |run| self.state.owner(run), sight);
        forfeited.iter().map(|(found, owner)| (Suspect::from(found), *owner)).collect()
    }

    fn settle(&self, proxies: &[Proxy]) {
        for settled in settle(&self.state, self.client.url(), proxies) {
            self.narrator.say(format!("{settled}"));
        }
    }
}
