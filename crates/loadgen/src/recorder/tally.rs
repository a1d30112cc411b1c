//! A recorder for tests: every event, in the order it was told.

use std::sync::{Arc, Mutex};

use super::{Event, Recorder};

/// Shared by all its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<Vec<Event>>>);

impl Recorder for Tally {
    fn record(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Tally {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| wanted(event)).count()
    }

    /// Connections made that are not closed yet.
    pub(crate) fn open_connections(&self) -> usize {
        let made = self.count(|event| matches!(event, Event::ConnectionCreated { .. }));
        made - self.count(|event| matches!(event, Event::ConnectionClosed { .. }))
    }
}
