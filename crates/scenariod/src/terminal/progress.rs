//! The one live line of a run on a terminal: which run, which phase, how much of it is left, and the figures that move.
//! What it says is decided here; when it is drawn is the narrator's business.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Cut off where the terminal ends: a line that wraps could not be wiped. One text, as each change of one is drawn.
const TEMPLATE: &str = "{wide_msg}";
/// Columns of the bar.
const BAR: usize = 20;

/// Short texts such as `2981/s`, in the order in which they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures(pub(crate) Vec<String>);

/// What the line is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scene {
    pub(crate) run: String,
    pub(crate) phase: String,
    pub(crate) length: Duration,
    pub(crate) faults_on: usize,
    pub(crate) figures: Figures,
}

impl Scene {
    /// The line, `elapsed` into the phase.
    fn text(&self, elapsed: Duration) -> String {
        let title: Vec<&str> =
            [self.run.as_str(), self.phase.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
        let mut details = vec![format!("{} left", self.left(elapsed))];
        match self.faults_on {
            0 => {}
            1 => details.push("1 fault on".to_owned()),
            several => details.push(format!("{several} faults on")),
        }
        details.extend(self.figures.0.iter().cloned());
        let (title, details) = (title.join(": "), details.join(", "));
        // Both do not fit into a usual terminal, and the time left says what the bar does.
        if self.figures.0.is_empty() {
            format!("{title} [{}] {details}", self.bar(elapsed))
        } else {
            format!("{title}: {details}")
        }
    }

    /// Rounded up: a phase that has not ended has something left.
    fn left(&self, elapsed: Duration) -> humantime::FormattedDuration {
        let left = self.length.saturating_sub(elapsed);
        let begun = u64::from(left.subsec_nanos() > 0);
        humantime::format_duration(Duration::from_secs(left.as_secs().saturating_add(begun)))
    }

    fn bar(&self, elapsed: Duration) -> String {
        let share = elapsed.as_secs_f64() / self.length.as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most the bar's width"
        )]
        let done = (share.min(1.0) * BAR as f64) as usize;
        format!("{:<BAR$}", "=".repeat(done))
    }
}

/// The line on the terminal.
#[derive(Debug)]
pub(crate) struct Line {
    bar: ProgressBar,
}

impl Line {
    pub(crate) fn new() -> Line {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // A template of ours that does not parse leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Line { bar }
    }

    pub(crate) fn draw(&self, scene: &Scene, elapsed: Duration) {
        self.bar.set_message(scene.text(elapsed));
    }

    /// Takes the line away, does what writes to the terminal, and draws it again where it was.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub(crate) fn clear(self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_left_and_what_moves() {
        let mut scene = Scene {
            run: "run 1/3 packet-loss-10".to_owned(),
            phase: "testing".to_owned(),
            length: Duration::from_secs(60),
            ..Scene::default()
        };
        let text = |scene: &Scene, seconds: f64| scene.text(Duration::from_secs_f64(seconds));
        assert_eq!(text(&scene, 0.0), "run 1/3 packet-loss-10: testing [                    ] 1m left");
        assert_eq!(text(&scene, 59.1), "run 1/3 packet-loss-10: testing [=================== ] 1s left");
        assert_eq!(text(&scene, 61.0), "run 1/3 packet-loss-10: testing [====================] 0s left");
        scene.faults_on = 2;
        scene.figures = Figures(vec!["a: 2981/s".to_owned(), "0.3% failed".to_owned()]);
        assert_eq!(
            text(&scene, 30.0),
            "run 1/3 packet-loss-10: testing: 30s left, 2 faults on, a: 2981/s, 0.3% failed"
        );
        let pause = Scene { phase: "pause".to_owned(), length: Duration::from_secs(2), ..Scene::default() };
        assert_eq!(text(&pause, 0.5), "pause [=====               ] 2s left");
    }
}
