//! Updates the two gauges over the last second. All other rates are PromQL queries on counters.

use std::sync::Arc;
use std::time::Duration;

use metrics_core::families::client::{ClientFamilies, Totals};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

const PERIOD: Duration = Duration::from_secs(1);

/// Operations per second, and the failed share of them, between two readings of the totals.
fn rates(before: &Totals, after: &Totals, apart: Duration) -> (f64, f64) {
    let succeeded = after.succeeded.saturating_sub(before.succeeded) as f64;
    let failed = after.failed.saturating_sub(before.failed) as f64;
    let ended = succeeded + failed;
    let share = if ended > 0.0 { failed / ended } else { 0.0 };
    (ended / apart.as_secs_f64().max(f64::MIN_POSITIVE), share)
}

/// Runs until dropped.
pub(crate) async fn sample_rates(families: Arc<ClientFamilies>) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut before, mut at) = (families.totals(), Instant::now());
    loop {
        let now = ticks.tick().await;
        let after = families.totals();
        let (per_second, error_rate) = rates(&before, &after, now - at);
        families.set_last_second(per_second, error_rate);
        (before, at) = (after, now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics_core::families::client::Totals;

    use super::rates;

    #[test]
    fn rates_are_of_the_interval_and_not_since_the_start() {
        let before = Totals { succeeded: 1_000, failed: 500, ..Totals::default() };
        let after = Totals { succeeded: 1_030, failed: 510, ..Totals::default() };
        assert_eq!(rates(&before, &after, Duration::from_secs(2)), (20.0, 0.25));
        assert_eq!(rates(&after, &after, Duration::from_secs(1)), (0.0, 0.0));
    }
}
