//! Sees that the faults of a run are healed whatever becomes of its walk: a walk that breaks off, by an error of ours or
//! a panic, is healed from here. A guard that acts on drop could not wait for an answer.

use crate::injector::Injector;
use crate::run::driver::Walked;
use crate::run::machine::InvalidTransition;
use crate::run::rig::{RunError, budget};

/// What became of a walk.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It came to an end of its own, healing included.
    Walked(Walked<RunError>),
    Broken {
        error: Box<RunError>,
        /// Where healing failed as well.
        residue: Option<Box<RunError>>,
    },
}

/// Runs a walk to its end, and heals what a broken one left.
pub(crate) async fn supervise(
    walk: impl Future<Output = Result<Walked<RunError>, InvalidTransition>> + Send + 'static,
    injector: &Injector,
    scenario: &str,
) -> Ending {
    let scenario = scenario.to_owned();
    // A task of its own, so that a panic ends there.
    let error = match tokio::spawn(walk).await {
        Ok(Ok(walked)) => return Ending::Walked(walked),
        Ok(Err(cause)) => RunError::Invalid { scenario: scenario.clone(), cause },
        Err(cause) => RunError::Internal { scenario: scenario.clone(), cause: cause.to_string() },
    };
    let healed = injector.heal(budget(injector)).await;
    let residue = healed.err().map(|cause| Box::new(RunError::Residue { scenario, cause }));
    Ending::Broken { error: Box::new(error), residue }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use metrics_core::Registry;
    use metrics_core::families::toxiproxy::ToxiproxyFamilies;
    use tempfile::TempDir;
    use testkit::{Fake, Misbehaviour, Rule, Toxiproxy};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::catalogue::library::Library;
    use crate::injector::{Foreign, Kit};
    use crate::lease::RunId;
    use crate::plan::{Plan, TimeScale};
    use crate::state::StateDir;
    use crate::state::journal::Journal;
    use crate::terminal::narrator::{Narrator, OutputMode, Voice};
    use crate::toxiproxy::Client;

    fn toxiproxy() -> Toxiproxy {
        Toxiproxy::start_with([("memcached1", "127.0.0.1:9".parse().unwrap())])
    }

    /// With its state in a folder that the test drops.
    fn injector(folder: &TempDir, url: &str) -> Arc<Injector> {
        let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
        let client = Client::new(&url.parse().unwrap(), Arc::clone(&families)).unwrap();
        let state = StateDir::locate(Some(folder.path())).unwrap();
        let journal = Arc::new(Journal::begin(&state, RunId::new(1, 1), "x", url).unwrap());
        let voice = Voice { narrator: Narrator::start(OutputMode::Lines).0, label: String::new() };
        let kit = Kit {
            client,
            families,
            servers: Arc::default(),
            state,
            journal,
            foreign: Foreign::Refuse,
            hook: None,
            voice,
        };
        let catalogue = Library::load(None).unwrap().catalogue;
        let scale = TimeScale::new(0.01).unwrap();
        let plan = Plan::new(&catalogue.scenarios()[0], &["memcached1".to_owned()], scale, 0);
        Arc::new(Injector::new(kit, plan))
    }

    /// Injects and then breaks off in the middle of testing.
    async fn panics(injector: Arc<Injector>) -> Result<Walked<RunError>, InvalidTransition> {
        injector.inject(u64::MAX, &CancellationToken::new()).await.unwrap();
        panic!("on order")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_in_the_middle_of_testing_leaves_no_toxic() {
        let toxiproxy = toxiproxy();
        let folder = tempfile::tempdir().unwrap();
        let injector = injector(&folder, &toxiproxy.url());
        let ending = supervise(panics(Arc::clone(&injector)), &injector, "x").await;
        let Ending::Broken { error, residue: None } = ending else { unreachable!("{ending:?}") };
        assert!(matches!(*error, RunError::Internal { .. }), "{error}");
        assert_eq!(toxiproxy.toxic_names(), Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_post_that_is_carried_out_late_is_still_removed() {
        let toxiproxy = toxiproxy();
        let fake = Fake::before(&toxiproxy);
        let held = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::HoldRequest);
        let folder = tempfile::tempdir().unwrap();
        let injector = injector(&folder, &fake.url());
        let told = CancellationToken::new();
        let inject = tokio::spawn({
            let (injector, told) = (Arc::clone(&injector), told.clone());
            async move { injector.inject(u64::MAX, &told).await }
        });
        held.wait_caught(Duration::from_secs(5));
        told.cancel();
        assert!(inject.await.unwrap().is_err(), "the call gets no answer");
        // From here on the removal looks; the request arrives behind its first look.
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            held.release();
        });
        injector.heal(Duration::from_secs(5)).await.unwrap();
        release.await.unwrap();
        let posts = fake.requests().iter().filter(|request| request.starts_with("POST")).count();
        assert_eq!(posts, 1);
        assert_eq!(toxiproxy.toxic_names(), Vec::<String>::new());
        assert!(
            fake.requests().iter().any(|request| request.starts_with("DELETE")),
            "it was on, and was removed"
        );
    }
}
