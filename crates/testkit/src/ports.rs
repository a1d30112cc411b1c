//! Free loopback ports. They are below the range from which the kernel takes the source ports of outgoing connections:
//! a port in that range could be taken by any connection while its owner restarts.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex};

const FIRST: u16 = 22_000; // above the lab's own ports
const COUNT: u16 = 10_000; // ends below 32768, where Linux's outgoing ports begin

static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// A port that nothing else can take while this value lives. Drop it just before starting the program that binds the port.
pub(crate) struct PortReservation {
    pub(crate) addr: SocketAddr,
    _listener: TcpListener,
}

pub(crate) fn reserve() -> PortReservation {
    let mut given = GIVEN.lock().unwrap_or_else(|poison| poison.into_inner());
    for salt in 0..1000_u32 {
        let port = FIRST + (RandomState::new().hash_one(salt) % u64::from(COUNT)) as u16;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if given.contains(&port) {
            continue;
        }
        if let Ok(listener) = TcpListener::bind(addr) {
            given.insert(port); // never given again by this process, so that two programs never share a port
            return PortReservation { addr, _listener: listener };
        }
    }
    panic!("no free port between {FIRST} and {}", FIRST + COUNT);
}

/// An address that is free now. This process never gives it again; another process may still take it first.
pub fn free_addr() -> SocketAddr {
    reserve().addr
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ_and_are_free() {
        let all: Vec<_> = (0..50).map(|_| free_addr()).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), 50);
        for addr in all {
            TcpListener::bind(addr).unwrap();
        }
    }
}
