//! Compares the listen addresses of proxies. Host names are not resolved.

use std::net::IpAddr;

/// Whether both addresses mean the same. Toxiproxy resolves host names and writes `[::]` for every wildcard.
pub(super) fn same_address(wanted: &str, found: &str) -> bool {
    let parts = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Some((host.parse::<IpAddr>().ok(), host.is_empty(), port.parse::<u16>().ok()?))
    };
    let (Some((host, empty, port)), Some((bound, _, bound_port))) = (parts(wanted), parts(found)) else {
        return wanted == found;
    };
    let same_host = match (host, bound) {
        (Some(host), Some(bound)) => host == bound || host.is_unspecified() && bound.is_unspecified(),
        (None, Some(bound)) if empty => bound.is_unspecified(),
        // A host name: only Toxiproxy knows what it resolved to.
        (None, _) | (Some(_), None) => true,
    };
    same_host && (port == bound_port || port == 0)
}

/// Whether a proxy cannot listen at `wanted` because another one listens at `found`. A wildcard includes every address of the
/// machine.
pub(super) fn conflicts(wanted: &str, found: &str) -> bool {
    let parts = |address: &str| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_wildcard = host.is_empty() || host.parse().is_ok_and(|host: IpAddr| host.is_unspecified());
        Some((is_wildcard, port.parse::<u16>().ok()?))
    };
    let (Some((any, port)), Some((found_any, found_port))) = (parts(wanted), parts(found)) else {
        return false;
    };
    // Port 0 is any free port.
    port != 0 && port == found_port && (any || found_any || same_address(wanted, found))
}

#[cfg(test)]
mod tests {
    use super::{conflicts, same_address};

    #[test]
    fn different_spellings_of_an_address_are_the_same() {
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21211"),
            ("0.0.0.0:21211", "[::]:21211"),
            (":21211", "[::]:21211"),
            ("localhost:21211", "127.0.0.1:21211"),
            ("127.0.0.1:0", "127.0.0.1:40000"),
        ] {
            assert!(same_address(wanted, found), "{wanted} {found}");
        }
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21212"),
            ("127.0.0.1:21211", "[::]:21211"),
            ("127.0.0.1:21211", "127.0.0.2:21211"),
            ("localhost:21211", "127.0.0.1:1"),
        ] {
            assert!(!same_address(wanted, found), "{wanted} {found}");
        }
    }

    #[test]
    fn a_wildcard_takes_the_port_of_every_address() {
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21211"),
            ("127.0.0.1:21211", "[::]:21211"),
            ("0.0.0.0:21211", "127.0.0.1:21211"),
            (":21211", "127.0.0.2:21211"),
            ("localhost:21211", "127.0.0.1:21211"),
        ] {
            assert!(conflicts(wanted, found), "{wanted} {found}");
        }
        for (wanted, found) in [
            ("127.0.0.1:21211", "127.0.0.1:21212"),
            ("127.0.0.1:21211", "127.0.0.2:21211"),
            ("127.0.0.1:0", "127.0.0.1:40000"),
            ("[::1]:21211", "127.0.0.1:21211"),
        ] {
            assert!(!conflicts(wanted, found), "{wanted} {found}");
        }
    }
}
