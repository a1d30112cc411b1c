//! Walks on a paused clock with a rig that can be slow and can fail.

use super::*;

const PHASES: Phases = Phases {
    stabilization: Duration::from_secs(30),
    testing: Duration::from_secs(60),
    recovery: Duration::from_secs(60),
};

/// A rig whose actions take time. It logs each action with its moment, in ms since the start.
struct Slow {
    start: Instant,
    takes: Duration,
    fails: Option<&'static str>,
    log: Vec<(&'static str, u128)>,
    /// When the timeline changes.
    changes: Vec<Duration>,
    /// The moments for which it was adjusted, in ms.
    elapsed: Vec<u128>,
    /// When it was checked, in ms since the start.
    checks: Vec<u128>,
    /// From when on its checks fail.
    disturbed_at: Option<Duration>,
    /// How long a check takes.
    check_takes: Duration,
    /// Why the faults were lost, as healing finds out.
    lost: Option<&'static str>,
}

impl Slow {
    fn new(takes: Duration) -> Slow {
        let (changes, elapsed, checks) = (Vec::new(), Vec::new(), Vec::new());
        let (start, log) = (Instant::now(), Vec::new());
        Slow {
            start,
            takes,
            fails: None,
            log,
            changes,
            elapsed,
            checks,
            disturbed_at: None,
            check_takes: Duration::ZERO,
            lost: None,
        }
    }

    fn failing(action: &'static str) -> Slow {
        Slow { fails: Some(action), ..Slow::new(Duration::from_millis(700)) }
    }

    fn note(&mut self, what: &'static str) {
        self.log.push((what, self.start.elapsed().as_millis()));
    }

    async fn act(&mut self, action: &'static str) -> Result<(), &'static str> {
        self.note(action);
        tokio::time::sleep(self.takes).await;
        if self.fails == Some(action) { Err(action) } else { Ok(()) }
    }

    fn count(&self, what: &str) -> usize {
        self.log.iter().filter(|(noted, _)| *noted == what).count()
    }
}

impl Rig for Slow {
    type Error = &'static str;

    async fn preflight(&mut self, _: &CancellationToken) -> Result<(), &'static str> {
        self.act("preflight").await
    }

    async fn watch(&mut self, _: &CancellationToken) -> Result<(), &'static str> {
        self.checks.push(self.start.elapsed().as_millis());
        tokio::time::sleep(self.check_takes).await;
        let fails = self.disturbed_at.is_some_and(|at| self.start.elapsed() >= at);
        if fails { Err("watch") } else { Ok(()) }
    }

    fn check_dropped_watch(&mut self) -> Result<(), &'static str> {
        if self.fails == Some("wait") { Err("wait") } else { Ok(()) }
    }

    async fn repair(&mut self) {
        self.note("repair");
    }

    async fn inject(&mut self, stop: &CancellationToken) -> Result<(), &'static str> {
        self.act("inject").await?;
        if stop.is_cancelled() { Err("stopped") } else { Ok(()) }
    }

    fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        self.changes.iter().copied().find(|change| *change > elapsed)
    }

    async fn adjust(&mut self, elapsed: Duration, stop: &CancellationToken) -> Result<(), &'static str> {
        self.elapsed.push(elapsed.as_millis());
        self.act("adjust").await?;
        if stop.is_cancelled() { Err("stopped") } else { Ok(()) }
    }

    async fn heal(&mut self) -> Result<Option<&'static str>, &'static str> {
        self.act("heal").await?;
        self.note("healed");
        Ok(self.lost)
    }

    fn phase_entered(&mut self, phase: Phase, _: SystemTime) {
        self.note(phase.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn slow_calls_count_as_testing_and_delay_no_phase() {
    let mut rig = Slow::new(Duration::from_millis(700));
    let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
    assert_eq!(result.outcome, Outcome::Completed);
    assert_eq!(
        rig.log,
        [
            ("preflight", 0),
            ("stabilization", 700),
            ("testing", 30_700),
            ("inject", 30_700),
            ("heal", 91_400),
            ("healed", 92_100),
            ("recovery", 92_100),
        ]
    );
    assert_eq!(rig.start.elapsed().as_millis(), 152_100);
}

#[tokio::test(start_paused = true)]
async fn a_stop_at_any_moment_heals_the_injected_faults_and_ends_the_walk() {
    for at in (0..160_000).step_by(500) {
        let mut rig = Slow::new(Duration::from_millis(700));
        let stop = CancellationToken::new();
        let trigger = stop.clone();
        let at = Duration::from_millis(at);
        let timer = tokio::spawn(async move {
            tokio::time::sleep(at).await;
            trigger.cancel();
        });
        let result = walk(&mut rig, &PHASES, &stop).await.unwrap();
        let took = rig.start.elapsed();
        timer.abort();
        if took < Duration::from_millis(152_100) {
            assert_eq!(result.outcome, Outcome::Cancelled, "stopped at {at:?}");
            assert!(
                took.saturating_sub(at) <= Duration::from_millis(1_500),
                "stopped at {at:?}, took {took:?}"
            );
        } else {
            assert_eq!(result.outcome, Outcome::Completed, "stopped at {at:?}");
        }
        assert_eq!(rig.count("healed"), rig.count("inject"), "stopped at {at:?}: {:?}", rig.log);
    }
}

#[tokio::test(start_paused = true)]
async fn each_failed_action_has_its_own_outcome() {
    for (action, outcome) in
        [("preflight", Outcome::Refused), ("inject", Outcome::Undone), ("heal", Outcome::Residue)]
    {
        let mut rig = Slow::failing(action);
        let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
        assert_eq!((result.outcome, result.errors.as_slice()), (outcome, [action].as_slice()));
        assert_eq!(rig.count("recovery"), 0, "{action}");
        assert_eq!(rig.count("heal"), rig.count("inject"), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_faults_are_an_error_unless_there_was_one_before() {
    let found = async |fails, changes: &[Duration]| {
        let mut rig = Slow { lost: Some("lost"), fails, ..Slow::new(Duration::ZERO) };
        rig.changes = changes.to_vec();
        let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
        (result.outcome, result.errors, rig.count("recovery"))
    };
    assert_eq!(found(None, &[]).await, (Outcome::FaultLost, vec!["lost"], 1));
    let changes = [Duration::from_secs(5)];
    assert_eq!(found(Some("adjust"), &changes).await, (Outcome::FaultLost, vec!["adjust"], 0));
}

#[tokio::test(start_paused = true)]
async fn late_changes_do_not_delay_later_ones() {
    // Each adjustment takes 700 ms: the third change is overtaken. The last one begins before the end and ends after it.
    let mut rig = Slow::new(Duration::from_millis(700));
    rig.changes = [5_000, 5_100, 5_200, 30_000, 59_900].map(Duration::from_millis).to_vec();
    let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
    assert_eq!(result.outcome, Outcome::Completed);
    let adjusted: Vec<u128> =
        rig.log.iter().filter(|(what, _)| *what == "adjust").map(|(_, at)| *at).collect();
    // Testing counts from when the injection was read back, at 31.4 s.
    assert_eq!(adjusted, [36_400, 37_100, 61_400, 91_300]);
    assert_eq!(rig.elapsed, [5_000, 5_700, 30_000, 59_900]);
    assert!(rig.log.contains(&("heal", 92_000)), "the call in progress ended first: {:?}", rig.log);
}

#[tokio::test(start_paused = true)]
async fn a_failed_change_is_healed_and_makes_the_run_inconclusive() {
    let mut rig = Slow::failing("adjust");
    rig.changes = vec![Duration::from_secs(5)];
    let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
    assert_eq!((result.outcome, result.errors.as_slice()), (Outcome::FaultLost, ["adjust"].as_slice()));
    assert_eq!((rig.count("healed"), rig.count("recovery")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn checks_come_every_second_and_just_before_the_injection() {
    let mut rig = Slow::new(Duration::ZERO);
    walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
    assert_eq!(rig.checks[..3], [1_000, 2_000, 3_000]);
    // Stabilization ends at 30 s. The injection and the healing check by themselves.
    assert_eq!(rig.checks[28..32], [29_000, 29_900, 31_000, 32_000]);
    assert_eq!(rig.checks.last(), Some(&149_900));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_outlasts_recovery_does_not_delay_its_end() {
    for (fails, outcome) in [(None, Outcome::Completed), (Some("wait"), Outcome::FaultLost)] {
        let check_takes = Duration::from_millis(2_500);
        let mut rig = Slow { fails, check_takes, ..Slow::new(Duration::ZERO) };
        let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
        assert_eq!((result.outcome, result.errors), (outcome, fails.into_iter().collect()));
        let (healed, end) = (rig.log.iter().find(|(what, _)| *what == "recovery"), rig.start.elapsed());
        assert_eq!(healed.map(|(_, at)| at + 60_000), Some(end.as_millis()));
        // The last check before the injection was answered.
        let injected = rig.log.iter().find(|(what, _)| *what == "inject").map(|(_, at)| *at).unwrap();
        assert!(rig.checks.contains(&(injected - 2_500)) && injected >= 29_900 + 2_500, "{:?}", rig.checks);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_check_ends_the_run_in_each_phase() {
    for (at, outcome, log) in [
        (5, Outcome::Refused, &["preflight", "stabilization", "repair"][..]),
        (45, Outcome::FaultLost, &["preflight", "stabilization", "testing", "inject", "heal", "healed"]),
        (
            100,
            Outcome::FaultLost,
            // Whatever came back is removed as well.
            &[
                "preflight",
                "stabilization",
                "testing",
                "inject",
                "heal",
                "healed",
                "recovery",
                "repair",
                "heal",
                "healed",
            ],
        ),
    ] {
        let mut rig = Slow::new(Duration::from_millis(10));
        rig.disturbed_at = Some(Duration::from_secs(at));
        let result = walk(&mut rig, &PHASES, &CancellationToken::new()).await.unwrap();
        assert_eq!((result.outcome, result.errors.as_slice()), (outcome, ["watch"].as_slice()), "{at}");
        let seen: Vec<&str> = rig.log.iter().map(|(what, _)| *what).collect();
        assert_eq!(seen, log, "{at}");
    }
}
