//! Locks on files. The kernel frees them when their holder dies, however it dies: that makes them a heartbeat that
//! cannot be forgotten. What a lock stands for is the business of `state`.

use std::fs::File;
use std::io;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Takes the lock for good: it is held until `file` is closed. A probe that looks at it right then is waited for.
pub(crate) fn hold(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::LockExclusive)?)
}

/// Takes the lock unless somebody has it.
pub(crate) fn try_hold(file: &File) -> io::Result<bool> {
    told(flock(file, FlockOperation::NonBlockingLockExclusive))
}

/// Whether somebody holds the lock. Two who look at the same time do not take each other for the holder.
pub(crate) fn is_held(file: &File) -> io::Result<bool> {
    let free = told(flock(file, FlockOperation::NonBlockingLockShared))?;
    if free {
        flock(file, FlockOperation::Unlock)?;
    }
    Ok(!free)
}

fn told(answer: Result<(), Errno>) -> io::Result<bool> {
    match answer {
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
