//! A mutex whose lock cannot fail: the state behind it is plain numbers, which a panic elsewhere cannot leave half-made.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A [`Mutex`] that ignores poisoning.
#[derive(Debug, Default)]
pub struct Locked<T>(Mutex<T>);

impl<T> Locked<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Locked<T> {
        Locked(Mutex::new(value))
    }

    /// Waits for the lock; never fails.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
