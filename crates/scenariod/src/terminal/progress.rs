//! The progress line of a run on a terminal: run, phase, time left and live figures. Its text is made here. The narrator
//! decides when it is drawn.

use std::time::Duration;

use daemon_core::values::format_duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Cut off at the edge of the terminal, as a line that wraps could not be erased. One field, as each change of a field redraws.
const TEMPLATE: &str = "{wide_msg}";
/// Width of the bar in columns.
const BAR: usize = 20;

/// Short texts such as `2981/s`, in the order shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LiveFigures(pub(crate) Vec<String>);

/// What the line shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) run: String,
    pub(crate) phase: String,
    pub(crate) length: Duration,
    pub(crate) faults_on: usize,
    pub(crate) figures: LiveFigures,
}

impl Progress {
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
        // An 80-column terminal has no room for both, and the time left shows what the bar would.
        if self.figures.0.is_empty() {
            format!("{title} [{}] {details}", self.bar(elapsed))
        } else {
            format!("{title}: {details}")
        }
    }

    /// Rounded up: 0 s are left only at the end.
    fn left(&self, elapsed: Duration) -> String {
        let left = self.length.saturating_sub(elapsed);
        let begun = u64::from(left.subsec_nanos() > 0);
        format_duration(Duration::from_secs(left.as_secs().saturating_add(begun)))
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
pub(crate) struct ProgressLine {
    bar: ProgressBar,
}

impl ProgressLine {
    pub(crate) fn new() -> ProgressLine {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // Without the template, the library's own bar is shown.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        ProgressLine { bar }
    }

    pub(crate) fn draw(&self, progress: &Progress, elapsed: Duration) {
        self.bar.set_message(progress.text(elapsed));
    }

    /// Erases the line, lets `write` write to the terminal, and draws the line again below.
    pub(crate) fn write_above(&self, write: impl FnOnce()) {
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
    fn the_line_shows_the_time_left_and_the_figures() {
        let mut progress = Progress {
            run: "run 1/3 packet-loss-10".to_owned(),
            phase: "testing".to_owned(),
            length: Duration::from_secs(60),
            ..Progress::default()
        };
        let text = |progress: &Progress, seconds: f64| progress.text(Duration::from_secs_f64(seconds));
        assert_eq!(text(&progress, 0.0), "run 1/3 packet-loss-10: testing [                    ] 1m left");
        assert_eq!(text(&progress, 59.1), "run 1/3 packet-loss-10: testing [=================== ] 1s left");
        assert_eq!(text(&progress, 61.0), "run 1/3 packet-loss-10: testing [====================] 0s left");
        progress.faults_on = 2;
        progress.figures = LiveFigures(vec!["a: 2981/s".to_owned(), "0.3% failed".to_owned()]);
        assert_eq!(
            text(&progress, 30.0),
            "run 1/3 packet-loss-10: testing: 30s left, 2 faults on, a: 2981/s, 0.3% failed"
        );
        let pause =
            Progress { phase: "pause".to_owned(), length: Duration::from_secs(2), ..Progress::default() };
        assert_eq!(text(&pause, 0.5), "pause [=====               ] 2s left");
    }
}
