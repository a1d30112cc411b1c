//! Loops as a real Prometheus sees them.

use std::time::Duration;

use testkit::{Lab, Prometheus, secs};

use crate::harness::{clean_exit, start};

#[test]
fn three_loops_are_three_walks_through_all_phases() {
    let lab = Lab::start(1);
    let prometheus = Prometheus::start_every(Duration::from_millis(250), [("scenariod", lab.scenariod_addr)]);
    // Phases of 750 ms cannot hide between two scrapes.
    let daemon = start(&lab, "long", &["--loop", "3", "--linger", "10s", "--time-scale", "0.5"]);
    assert_eq!(clean_exit(&daemon, &lab.toxiproxy), 0, "{}", daemon.stderr());
    let series =
        prometheus.wait_for("scenario_phase{scenario=\"long\"}[2m]", secs(10), |series| !series.is_empty());
    let mut walk: Vec<u8> = series[0].points.iter().map(|(_, value)| *value as u8).collect();
    walk.dedup();
    assert_eq!(walk.iter().filter(|phase| **phase == 2).count(), 3, "{walk:?}");
    // Between two runs idle lasts for milliseconds, so a scrape may or may not see it.
    let walked: Vec<u8> = walk.iter().copied().filter(|phase| *phase != 0).collect();
    assert_eq!(walked, [1, 2, 3, 1, 2, 3, 1, 2, 3], "{walk:?}");
    assert_eq!(walk.last(), Some(&0), "{walk:?}");
    let count = |promql: &str| prometheus.query(promql).first().map(testkit::Series::value);
    assert_eq!(count("max_over_time(scenario_runs_total{status=\"success\"}[2m])"), Some(3.0));
    assert_eq!(count("max_over_time(toxiproxy_toxic_activations_total[2m])"), Some(3.0));
    assert_eq!(
        count(
            "count(count by (run) (last_over_time(scenario_phase_end_timestamp_seconds{phase=\"recovery\"}[2m])))"
        ),
        Some(3.0)
    );
    assert_eq!(count("max_over_time(toxiproxy_residual_toxics[2m])"), Some(0.0));
}
