//! The holders of the lab's ports, from `/proc`. It finds the sockets that would make `bind` fail, and their processes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Addresses, Lab, LabError};
use daemon_core::values::HostPort;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process, all_processes};

use crate::home::Home;
use crate::machine;
use crate::processes::{belongs, command};

/// The lab cannot use its ports.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PortsError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("{}", .taken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Taken { taken: Vec<Taken>, offset: u16 },
}

/// A port that a process outside the lab uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    port: u16,
    part: String,
    /// `None` if this user may not inspect the process.
    holder: Option<String>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = self.holder.as_deref().unwrap_or("a process of another user or container");
        write!(f, "port {}, required by {}, is in use by {holder}", self.port, self.part)
    }
}

impl UserError for PortsError {
    fn exit(&self) -> Exit {
        match self {
            PortsError::Lab(error) => error.exit(),
            PortsError::Taken { .. } => Exit::Setup,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            PortsError::Lab(error) => error.hint(),
            PortsError::Taken { offset, .. } => Some(format!(
                "stop that process, or move all ports of the lab: LAB_PORT_OFFSET={} just up",
                u32::from(*offset) + 1000
            )),
        }
    }
}

/// An error if a process outside this lab uses a port of the lab.
pub(crate) fn check_free(home: &Home, lab: &Lab) -> Result<(), PortsError> {
    let taken: Vec<Taken> = in_use(home, lab)?.into_iter().map(|(taken, _)| taken).collect();
    if taken.is_empty() { Ok(()) } else { Err(PortsError::Taken { taken, offset: lab.port_offset }) }
}

/// A line for each port of the lab that is in use by a process which this user may not inspect: it may be a part of the lab.
pub(crate) fn unknown_holders(home: &Home, lab: &Lab) -> Vec<String> {
    let in_use = in_use(home, lab).unwrap_or_default().into_iter();
    in_use.filter(|(_, known)| *known == Known::No).map(|(taken, _)| taken.to_string()).collect()
}

/// Whether this user may read which lab a process belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Yes,
    No,
}

/// The lab's ports that a process outside the lab uses, as far as is known.
fn in_use(home: &Home, lab: &Lab) -> Result<Vec<(Taken, Known)>, LabError> {
    let sockets = listening();
    let mut taken = Vec::new();
    for (part, address) in required(lab, &lab.addresses()?) {
        let Some(socket) = sockets.iter().find(|socket| collides(&address, socket.local_address)) else {
            continue;
        };
        let holder = holder(socket.inode);
        let known = match holder.as_ref().and_then(|process| belongs(process, home)) {
            Some(true) => continue,
            Some(false) => Known::Yes,
            None => Known::No,
        };
        let holder = holder.map(|process| format!("pid {} ({})", process.pid, command(&process)));
        taken.push((Taken { port: address.port(), part, holder }, known));
    }
    Ok(taken)
}

/// Every address on which a part listens, with the part.
fn required(lab: &Lab, addresses: &Addresses) -> Vec<(String, HostPort)> {
    let nodes = lab.servers.iter().flat_map(|server| {
        let proxy = ("a proxy of toxiproxy".to_owned(), server.listen.clone());
        [(server.name.to_string(), server.upstream.clone()), proxy]
    });
    let parts = [
        ("toxiproxy", addresses.toxiproxy.host_port()),
        ("loadgen", addresses.loadgen.clone()),
        ("guard", addresses.guard.clone()),
        ("prometheus", addresses.prometheus.clone()),
        ("scenariod", addresses.scenariod.clone()),
    ];
    let grafana = machine::grafana().map(|_| ("grafana".to_owned(), addresses.grafana.clone()));
    nodes.chain(grafana).chain(parts.map(|(name, address)| (name.to_owned(), address))).collect()
}

fn listening() -> Vec<TcpNetEntry> {
    let all = procfs::net::tcp().into_iter().chain(procfs::net::tcp6()).flatten();
    all.filter(|socket| socket.state == TcpState::Listen).collect()
}

/// Whether a listener at `held` makes `bind` to `wanted` fail.
fn collides(wanted: &HostPort, held: SocketAddr) -> bool {
    // A host name, such as `localhost`, is resolved by the part itself.
    let wanted_ip = wanted.host().parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let held_ip = held.ip().to_canonical();
    wanted.port() == held.port()
        && (held.ip().is_unspecified() || wanted_ip.is_unspecified() || held_ip == wanted_ip)
}

fn holder(inode: u64) -> Option<Process> {
    all_processes().ok()?.flatten().find(|process| {
        let holds = |target: &FDTarget| matches!(target, FDTarget::Socket(socket) if *socket == inode);
        process.fd().is_ok_and(|mut fds| fds.any(|fd| fd.is_ok_and(|fd| holds(&fd.target))))
    })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_anywhere_or_at_the_same_address_collides() {
        let wanted: HostPort = "127.0.0.1:9090".parse().unwrap();
        for held in ["127.0.0.1:9090", "0.0.0.0:9090", "[::]:9090", "[::ffff:127.0.0.1]:9090"] {
            assert!(collides(&wanted, held.parse().unwrap()), "{held}");
        }
        for held in ["127.0.0.2:9090", "127.0.0.1:9091", "[::1]:9090"] {
            assert!(!collides(&wanted, held.parse().unwrap()), "{held}");
        }
    }

    #[test]
    fn the_holder_of_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let text = format!("servers:\n  - {{ name: a, listen: 127.0.0.1:1, upstream: 127.0.0.1:{port} }}\n");
        let lab = Lab::parse("lab.yaml", text, 0).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = check_free(&Home::open(folder.path()).unwrap(), &lab).unwrap_err().to_string();
        let own = std::process::id();
        assert!(error.contains(&format!("port {port}, required by a, is in use by pid {own} (")), "{error}");
    }
}
