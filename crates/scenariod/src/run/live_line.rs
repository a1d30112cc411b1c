//! Reads figures of the client during a run and passes them to the live line. No other part waits for it. Figures that
//! Prometheus does not answer in time are not shown.

use std::time::Duration;

use metrics_core::families::client::readings;
use metrics_core::families::machine::shortages;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, timeout};

use crate::plan::Plan;
use crate::prometheus::{Prometheus, PrometheusError, Series};
use crate::promql::node_pattern;
use crate::terminal::narrator::Narrator;
use crate::terminal::progress::LiveFigures;
use crate::verdict::judgement::shortage::{SAMPLE_WINDOW, Shortage};
use crate::verdict::live_series::{LiveSeries, read_presence};

/// The interval of the readings, equal to the lab's scrape interval, and the limit of each.
const INTERVAL: Duration = Duration::from_secs(1);

/// The background task that reads. Dropping this ends it.
#[derive(Debug)]
#[must_use]
pub(crate) struct LiveLine(Option<JoinHandle<()>>);

impl LiveLine {
    /// Starts the task if there is a live line to show.
    pub(crate) fn start(
        prometheus: Option<&Prometheus>,
        narrator: &Narrator,
        plan: &Plan,
        nodes: &[String],
    ) -> LiveLine {
        let read = |prometheus: &Prometheus| {
            let targets: Vec<String> = plan.targets().into_iter().collect();
            let (promql, title) = (readings::moving(&node_pattern(&targets)), name_nodes(&targets));
            let healthy = node_pattern(nodes.iter().filter(|node| !targets.contains(node)));
            let machine = shortages(SAMPLE_WINDOW, &healthy);
            let (prometheus, narrator) = (prometheus.clone(), narrator.clone());
            tokio::spawn(async move {
                let mut ticks = tokio::time::interval(INTERVAL);
                ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
                loop {
                    ticks.tick().await;
                    let read = timeout(INTERVAL, read_figures(&prometheus, &promql, &title)).await;
                    let mut figures = read.ok().and_then(Result::ok).unwrap_or_default();
                    let shortage = timeout(INTERVAL, prometheus.instant(&machine, None)).await;
                    let shortage = shortage.ok().and_then(Result::ok).unwrap_or_default();
                    if let Some(warning) = Shortage::now(&shortage).warning() {
                        // First, because a narrow terminal cuts off the end of the line.
                        figures.0.insert(0, format!("warning: {warning}"));
                    }
                    narrator.figures(figures);
                }
            })
        };
        LiveLine(prometheus.filter(|_| narrator.shows_figures()).map(read))
    }
}

impl Drop for LiveLine {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// The figures of the load generators that count, or why none does.
async fn read_figures(
    prometheus: &Prometheus,
    promql: &str,
    title: &str,
) -> Result<LiveFigures, PrometheusError> {
    let presence = read_presence(prometheus).await?;
    if let Some(problem) = presence.problem() {
        return Ok(LiveFigures(vec![problem.to_string()]));
    }
    let series = LiveSeries::new(prometheus, &presence).instant(promql, None).await?;
    Ok(figures(title, &series))
}

/// Up to two nodes by name, more of them as a number.
fn name_nodes(targets: &[String]) -> String {
    match targets {
        [] | [_] | [_, _] => targets.join(" and "),
        more => format!("{} nodes", more.len()),
    }
}

/// The figures that have a value, the breakers counted by state.
fn figures(title: &str, series: &[Series]) -> LiveFigures {
    let of = |figure: &'static str| {
        series
            .iter()
            .filter(move |series| series.label("figure") == figure)
            .filter_map(|series| Some(series.points.last()?.1).filter(|value| value.is_finite()))
    };
    let share = |figure, word: &str| of(figure).next().map(|share| format!("{:.1}% {word}", share * 100.0));
    let rate = of("rate").next().map(|rate| format!("{rate:.0}/s"));
    let breakers: Vec<f64> = of("breaker").collect();
    let states =
        [(2.0, "open"), (1.0, "half-open"), (0.0, "closed")].into_iter().filter_map(|(state, word)| {
            match breakers.iter().filter(|breaker| **breaker == state).count() {
                0 => None,
                1 if breakers.len() == 1 => Some(format!("breaker {word}")),
                count => Some(format!("{count} {word}")),
            }
        });
    let shares = [share("failed", "failed"), share("slow", "over 100 ms")];
    let mut all: Vec<String> = rate.into_iter().chain(shares.into_iter().flatten()).chain(states).collect();
    if let Some(first) = all.first_mut() {
        *first = format!("{title}: {first}");
    }
    LiveFigures(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(figure: &str, value: f64) -> Series {
        let labels = [("figure".to_owned(), figure.to_owned())].into();
        Series { labels, points: vec![(1.0, value)] }
    }

    fn text(all: &[(&str, f64)]) -> String {
        let all: Vec<Series> = all.iter().map(|(figure, value)| series(figure, *value)).collect();
        figures("memcached1", &all).0.join(", ")
    }

    #[test]
    fn figures_without_a_value_are_not_shown() {
        assert_eq!(
            text(&[("breaker", 0.0), ("slow", 0.1012), ("rate", 2981.4), ("failed", 0.003)]),
            "memcached1: 2981/s, 0.3% failed, 10.1% over 100 ms, breaker closed"
        );
        assert_eq!(
            text(&[("breaker", 2.0), ("breaker", 0.0), ("breaker", 2.0)]),
            "memcached1: 2 open, 1 closed"
        );
        assert_eq!(text(&[("rate", 0.0), ("failed", f64::NAN)]), "memcached1: 0/s");
        assert_eq!(text(&[]), "");
    }

    #[test]
    fn two_nodes_are_named_and_more_are_counted() {
        let title = |names: &[&str]| name_nodes(&names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(title(&["a"]), "a");
        assert_eq!(title(&["a", "b"]), "a and b");
        assert_eq!(title(&["a", "b", "c"]), "3 nodes");
    }
}
