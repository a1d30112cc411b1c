//! The one live line of a run on a terminal: which run, which phase, how much of it is left, and the figures that move.
//! What it says is decided here; when it is drawn is the narrator's business.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const TEMPLATE: &str = "{prefix} [{bar:20}] {wide_msg}";

/// Short texts such as `2981 ops/s`, in the order in which they are shown.
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
    fn title(&self) -> String {
        [self.run.as_str(), self.phase.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(": ")
    }

    /// What stands behind the bar, `elapsed` into the phase.
    fn details(&self, elapsed: Duration) -> String {
        // Rounded up: a phase that has not ended has something left.
        let left = self.length.saturating_sub(elapsed).as_secs_f64().ceil();
        let left = humantime::format_duration(Duration::from_secs_f64(left.min(1e15)));
        let mut details = vec![format!("{left} left")];
        match self.faults_on {
            0 => {}
            1 => details.push("1 fault on".to_owned()),
            several => details.push(format!("{several} faults on")),
        }
        details.extend(self.figures.0.iter().cloned());
        details.join(", ")
    }
}

/// The line on the terminal.
#[derive(Debug)]
pub(crate) struct Line {
    bar: ProgressBar,
}

impl Line {
    pub(crate) fn new() -> Line {
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        // A template of ours that does not parse leaves the plain bar.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        Line { bar }
    }

    pub(crate) fn draw(&self, scene: &Scene, elapsed: Duration) {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.bar.set_length(millis(scene.length).max(1));
        self.bar.set_position(millis(elapsed.min(scene.length)));
        self.bar.set_prefix(scene.title());
        self.bar.set_message(scene.details(elapsed));
        self.bar.tick();
    }

    /// Takes the line away, does what writes to the terminal, and draws it again where it was.
    pub(crate) fn aside(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
        self.bar.reset();
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
        assert_eq!(scene.title(), "run 1/3 packet-loss-10: testing");
        assert_eq!(scene.details(Duration::ZERO), "1m left");
        assert_eq!(scene.details(Duration::from_millis(59_100)), "1s left");
        assert_eq!(scene.details(Duration::from_secs(61)), "0s left");
        scene.faults_on = 2;
        scene.figures = Figures(vec!["2981 ops/s".to_owned(), "errors 0.3%".to_owned()]);
        assert_eq!(scene.details(Duration::from_secs(30)), "30s left, 2 faults on, 2981 ops/s, errors 0.3%");
        let pause = Scene { phase: "pause".to_owned(), ..Scene::default() };
        assert_eq!(pause.title(), "pause");
    }
}
