//! Warns at the start of a command if a verdict is already known to be impossible. The check runs in the background and
//! stops nothing: a Prometheus that does not answer now may answer by the end of a run.

use crate::prometheus::Prometheus;
use crate::terminal::narrator::Narrator;
use crate::verdict::outlook::{Outlook, PlannedExpectations};

/// Starts the check in the background.
pub(crate) fn warn_ahead(prometheus: Prometheus, planned: PlannedExpectations, narrator: Narrator) {
    tokio::spawn(async move {
        let outlook = Outlook::read(&prometheus, &planned).await;
        outlook.notes.iter().for_each(|note| narrator.say(format!("warning: {note}")));
        if let Some(problem) = outlook.no_verdict {
            narrator.say(format!("warning: no verdict is possible at present: {problem}"));
        }
    });
}
