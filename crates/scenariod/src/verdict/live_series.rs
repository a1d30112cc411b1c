//! Reads which load generators Prometheus scrapes, and queries for their series only. Which of them count is decided in
//! `judgement::presence`.

use metrics_core::families::client::readings;

use crate::prometheus::{Grid, Prometheus, PrometheusError, Series};
use crate::promql::restrict::{LiveTargets, restrict};
use crate::verdict::judgement::presence::Presence;

/// A range with enough scrapes to know their interval.
const SCRAPE_HISTORY: &str = "5m";

/// The load generators that would count in a run that begins now.
pub(crate) async fn read_presence(prometheus: &Prometheus) -> Result<Presence, PrometheusError> {
    let up = prometheus.instant(&readings::scrapes(SCRAPE_HISTORY), None).await?;
    let sightings = prometheus.instant(&readings::sightings(), None).await?;
    // Scrapes have the time of Prometheus' clock.
    let now = prometheus.instant("vector(time())", None).await?;
    let now = now.first().and_then(|series| series.points.last()).map_or(0.0, |(_, now)| *now);
    Ok(Presence::find(&up, &sightings, now))
}

/// Prometheus without the series of load generators that do not count.
#[derive(Clone, Debug)]
pub(crate) struct LiveSeries<'a> {
    prometheus: &'a Prometheus,
    presence: &'a Presence,
    restriction: Option<LiveTargets>,
}

impl<'a> LiveSeries<'a> {
    pub(crate) fn new(prometheus: &'a Prometheus, presence: &'a Presence) -> LiveSeries<'a> {
        LiveSeries { prometheus, presence, restriction: presence.restriction() }
    }

    /// The query as it is sent.
    pub(crate) fn restricted(&self, promql: &str) -> String {
        self.restriction.as_ref().map_or_else(|| promql.to_owned(), |live| restrict(promql, live))
    }

    /// Runs an instant query at a time, by default at the current time of the server.
    pub(crate) async fn instant(
        &self,
        promql: &str,
        at: Option<f64>,
    ) -> Result<Vec<Series>, PrometheusError> {
        let series = self.prometheus.instant(&self.restricted(promql), at).await?;
        Ok(self.counting(series))
    }

    /// Runs a range query over the grid.
    pub(crate) async fn range(&self, promql: &str, grid: Grid) -> Result<Vec<Series>, PrometheusError> {
        let series = self.prometheus.range(&self.restricted(promql), grid).await?;
        Ok(self.counting(series))
    }

    fn counting(&self, mut series: Vec<Series>) -> Vec<Series> {
        series.retain(|series| self.presence.counts(series));
        series
    }
}
