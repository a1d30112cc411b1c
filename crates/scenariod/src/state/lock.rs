//! Locks on files. The kernel releases a lock when its process dies, however it dies. A lock is therefore a heartbeat
//! that no process can forget. `state` decides what a lock means.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Takes the lock and keeps it until `file` is closed. Waits for a process that is testing the lock right now.
pub(crate) fn hold(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::LockExclusive)?)
}

/// Takes the lock unless another process has it.
pub(crate) fn try_hold(file: &File) -> io::Result<bool> {
    was_free(flock(file, FlockOperation::NonBlockingLockExclusive))
}

/// Whether a process holds the lock. The test takes a shared lock: two tests at the same time do not disturb each other.
pub(crate) fn is_held(file: &File) -> io::Result<bool> {
    let free = was_free(flock(file, FlockOperation::NonBlockingLockShared))?;
    if free {
        flock(file, FlockOperation::Unlock)?;
    }
    Ok(!free)
}

fn was_free(result: Result<(), Errno>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_held_until_its_file_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let holder = File::create(&path).unwrap();
        let other = File::open(&path).unwrap();
        assert!(!is_held(&other).unwrap());
        hold(&holder).unwrap();
        assert!(is_held(&other).unwrap());
        assert!(!try_hold(&other).unwrap());
        drop(holder);
        assert!(!is_held(&other).unwrap());
        assert!(try_hold(&other).unwrap());
    }
}
