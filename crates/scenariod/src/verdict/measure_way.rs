//! Reads from Prometheus what the way to the nodes adds without a fault, and how busy Toxiproxy is. What that means is decided in
//! `report::way`.

use metrics_core::families::machine as readings;

use crate::prometheus::{Prometheus, PrometheusError};
use crate::promql::format_range;
use crate::scenario::During;
use crate::verdict::facts::RunFacts;
use crate::verdict::live_series::LiveSeries;
use crate::verdict::report::way::{ProxyLoad, Way};

/// The time before a dry run that is looked at, and its length in seconds.
const RECENT: &str = "1m";
const RECENT_LENGTH: f64 = 60.0;
/// The pattern of all nodes.
const ALL: &str = ".*";

/// What was measured before a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) way: Option<Way>,
    pub(crate) load: ProxyLoad,
}

/// What the way added during stabilization, when no node had a fault.
pub(super) async fn read_way(
    live: &LiveSeries<'_>,
    run: &RunFacts<'_>,
) -> Result<Option<Way>, PrometheusError> {
    let before = run.windows.of(During::Stabilization);
    let length = before.end - before.start;
    let promql = readings::probe_buckets(&format_range(length), ALL);
    match live.instant(&promql, Some(before.end)).await {
        Ok(buckets) => Ok(Way::from_buckets(&buckets, length)),
        Err(error) if error.is_unavailable() => Err(error),
        Err(_) => Ok(None),
    }
}

/// What the last minute shows. A figure that Prometheus does not have is not measured, nor is the way if a scenario ran.
pub(crate) async fn read_now(prometheus: &Prometheus) -> Measured {
    let buckets =
        prometheus.instant(&readings::probe_buckets_without_scenario(RECENT), None).await.unwrap_or_default();
    let number = async |promql: String| {
        let series = prometheus.instant(&promql, None).await.unwrap_or_default();
        series.first().and_then(|series| series.points.last()).map(|(_, value)| *value)
    };
    Measured {
        way: Way::from_buckets(&buckets, RECENT_LENGTH),
        load: ProxyLoad {
            target_rate: number(readings::target_rate()).await,
            rate: number(readings::operation_rate(RECENT)).await,
            used: number(readings::toxiproxy_cpu(RECENT)).await,
            cpus: number(readings::toxiproxy_cpus()).await,
        },
    }
}
