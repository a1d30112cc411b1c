//! Says at the start of a command that there will be no verdict, where that can be known already. It delays nothing and
//! decides nothing: what does not answer yet may do so by the end of a run.

use metrics_core::families::client::readings;

use crate::judge::evidence::Series;
use crate::narrator::Narrator;
use crate::prom::Prometheus;

/// One look at Prometheus, in the background.
pub(crate) fn forewarn(prometheus: Option<&Prometheus>, narrator: &Narrator) {
    let Some(prometheus) = prometheus.cloned() else { return };
    let narrator = narrator.clone();
    tokio::spawn(async move {
        let trouble = match prometheus.instant(&readings::answering(), None).await {
            Err(error) => Some(error.to_string()),
            Ok(up) => trouble(&up).map(str::to_owned),
        };
        if let Some(trouble) = trouble {
            narrator.say(format!("warning: as things are there will be no verdict: {trouble}"));
        }
    });
}

/// What the last scrape of each load generator says.
pub(crate) fn trouble(up: &[Series]) -> Option<&'static str> {
    let answered = |series: &Series| series.points.last().is_some_and(|(_, up)| *up == 1.0);
    if up.is_empty() {
        Some("prometheus does not scrape the load generator")
    } else if up.iter().any(answered) {
        None
    } else {
        Some("the load generator does not answer prometheus")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_is_no_trouble() {
        let up = |value: f64| Series { labels: [].into(), points: vec![(1.0, value)] };
        assert_eq!(trouble(&[up(1.0)]), None);
        assert_eq!(trouble(&[up(0.0), up(1.0)]), None);
        assert_eq!(trouble(&[up(0.0)]), Some("the load generator does not answer prometheus"));
        assert_eq!(trouble(&[]), Some("prometheus does not scrape the load generator"));
    }
}
