//! Marks events of which only the first is logged. What is logged is decided by the caller.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The events of one node.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    /// This machine could not open a connection.
    pub(crate) local: Notice,
    /// memcached refused an operation.
    pub(crate) refusal: Notice,
    /// A read returned a value that the lab did not write.
    pub(crate) foreign: Notice,
}

#[derive(Debug, Default)]
pub(crate) struct Notice(AtomicBool);

impl Notice {
    /// Whether this is the first call, over all threads.
    pub(crate) fn is_first(&self) -> bool {
        !self.0.load(Relaxed) && !self.0.swap(true, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Notice;

    #[test]
    fn an_event_is_first_once() {
        let notice = Notice::default();
        assert_eq!([notice.is_first(), notice.is_first(), notice.is_first()], [true, false, false]);
    }
}
