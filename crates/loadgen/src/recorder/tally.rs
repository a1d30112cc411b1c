//! A recorder for tests: a list of all events in order.

use std::sync::{Arc, Mutex};

use super::{Event, Recorder};

/// The list of events. All clones share it.
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

    /// The number of connections that were opened and not closed.
    pub(crate) fn open_connections(&self) -> usize {
        let made = self.count(|event| matches!(event, Event::ConnectionCreated { .. }));
        made - self.count(|event| matches!(event, Event::ConnectionClosed { .. }))
    }
}
