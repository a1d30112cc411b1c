//! What the kernel gives this process: its limit of file descriptors, whether some are free, and the errors that mean that
//! something is used up here. How many descriptors a daemon needs is decided by the daemon.

use std::io;
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to the highest value that this process may set. If that is not allowed, the limit stays as it is.
pub fn raise_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// The number of descriptors that this process may have open. `None` means no limit.
pub fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Opens this number of descriptors and closes them. Libraries that panic without descriptors are called only after that.
pub fn check_free(count: usize) -> io::Result<()> {
    let pairs: io::Result<Vec<_>> = (0..count.div_ceil(2)).map(|_| UnixStream::pair()).collect();
    pairs.map(drop)
}

/// Whether a failed connection has its cause on this machine: no descriptor, no local port, no memory. Then nothing was
/// sent, and the other side is not the cause.
pub fn is_local(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::ADDRNOTAVAIL | Errno::NOBUFS | Errno::NOMEM)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_allowed() {
        raise_limit();
        assert_eq!(limit(), getrlimit(Resource::Nofile).maximum);
        check_free(16).expect("a test has descriptors left");
    }

    #[test]
    fn what_is_used_up_here_is_not_the_other_side() {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::ADDRNOTAVAIL, Errno::NOBUFS, Errno::NOMEM] {
            assert!(is_local(&errno.into()), "{errno}");
        }
        for errno in
            [Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH, Errno::TIMEDOUT, Errno::ADDRINUSE]
        {
            assert!(!is_local(&errno.into()), "{errno}");
        }
        assert!(!is_local(&io::Error::other("no number")));
    }
}
