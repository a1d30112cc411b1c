//! A mutex that ignores poisoning. It is for state that a panic cannot leave half changed, such as plain numbers.

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
