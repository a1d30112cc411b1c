//! Removes the faults of a run even when its walk ends in a panic or an internal error. A destructor could not do this,
//! because it cannot wait for an answer.

use crate::injector::Injector;
use crate::run::driver::WalkResult;
use crate::run::error::RunError;
use crate::run::machine::InvalidTransition;
use crate::run::rig::removal_budget;

/// How a supervised walk ended.
#[derive(Debug)]
pub(crate) enum SupervisedEnd {
    /// By itself, including the removal of its faults.
    Regular(WalkResult<RunError>),
    /// By a bug. The supervisor has removed its faults.
    Crashed {
        error: Box<RunError>,
        /// The error of the removal, if it failed as well.
        residue: Option<Box<RunError>>,
    },
}

/// Runs a walk to its end and removes what a crashed one has left.
pub(crate) async fn supervise(
    walk: impl Future<Output = Result<WalkResult<RunError>, InvalidTransition>> + Send + 'static,
    injector: &Injector,
    scenario: &str,
) -> SupervisedEnd {
    let scenario = scenario.to_owned();
    // A panic ends only the task in which it happens.
    let error = match tokio::spawn(walk).await {
        Ok(Ok(result)) => return SupervisedEnd::Regular(result),
        Ok(Err(cause)) => RunError::Invalid { scenario: scenario.clone(), cause },
        Err(cause) => RunError::Internal { scenario: scenario.clone(), cause: cause.to_string() },
    };
    let healed = injector.heal(removal_budget(injector)).await;
    let residue = healed.err().map(|cause| Box::new(RunError::Residue { scenario, cause }));
    SupervisedEnd::Crashed { error: Box::new(error), residue }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use metrics_core::Registry;
    use metrics_core::families::toxiproxy::ToxiproxyFamilies;
    use tempfile::TempDir;
    use testkit::{FakeToxiproxy, Misbehaviour, Rule, Toxiproxy};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::catalogue::library::Library;
    use crate::injector::{ForeignToxics, InjectorParts};
    use crate::lease::RunId;
    use crate::plan::{Plan, TimeScale};
    use crate::state::StateDir;
    use crate::state::journal::Journal;
    use crate::terminal::narrator::{Narrator, OutputMode, Voice};
    use crate::toxiproxy::Client;

    fn toxiproxy() -> Toxiproxy {
        Toxiproxy::start_with([("memcached1", "127.0.0.1:9".parse().unwrap())])
    }

    /// An injector whose state is in the given folder.
    fn injector(folder: &TempDir, url: &str) -> Arc<Injector> {
        let families = ToxiproxyFamilies::register(&mut Registry::default(), &[]);
        let client = Client::new(&url.parse().unwrap(), Arc::clone(&families)).unwrap();
        let state = StateDir::locate(Some(folder.path())).unwrap();
        let journal = Arc::new(Journal::begin(&state, RunId::new(1, 1), "x", url).unwrap());
        let voice = Voice { narrator: Narrator::start(OutputMode::Lines).0, label: String::new() };
        let parts = InjectorParts {
            client,
            families,
            servers: Arc::default(),
            state,
            journal,
            foreign: ForeignToxics::Refuse,
            hook: None,
            voice,
        };
        let catalogue = Library::load(None).unwrap().catalogue;
        let scale = TimeScale::new(0.01).unwrap();
        let plan = Plan::new(&catalogue.scenarios()[0], &["memcached1".to_owned()], scale, 0);
        Arc::new(Injector::new(parts, plan))
    }

    /// Injects and then panics.
    async fn panics(injector: Arc<Injector>) -> Result<WalkResult<RunError>, InvalidTransition> {
        injector.inject(u64::MAX, &CancellationToken::new()).await.unwrap();
        panic!("intended")
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_panic_during_testing_leaves_no_toxic() {
        let toxiproxy = toxiproxy();
        let folder = tempfile::tempdir().unwrap();
        let injector = injector(&folder, &toxiproxy.url());
        let end = supervise(panics(Arc::clone(&injector)), &injector, "x").await;
        let SupervisedEnd::Crashed { error, residue: None } = end else { unreachable!("{end:?}") };
        assert!(matches!(*error, RunError::Internal { .. }), "{error}");
        assert_eq!(toxiproxy.toxic_names(), Vec::<String>::new());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_toxic_of_a_late_post_is_still_removed() {
        let toxiproxy = toxiproxy();
        let fake = FakeToxiproxy::before(&toxiproxy);
        let held = fake.misbehave(Rule::on("POST", "/toxics"), Misbehaviour::HoldRequest);
        let folder = tempfile::tempdir().unwrap();
        let injector = injector(&folder, &fake.url());
        let stop = CancellationToken::new();
        let inject = tokio::spawn({
            let (injector, stop) = (Arc::clone(&injector), stop.clone());
            async move { injector.inject(u64::MAX, &stop).await }
        });
        held.wait_caught(Duration::from_secs(5));
        stop.cancel();
        assert!(inject.await.unwrap().is_err(), "the call got no answer");
        // The request reaches Toxiproxy after the removal has first read back.
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
            "the toxic was on and was removed"
        );
    }
}
