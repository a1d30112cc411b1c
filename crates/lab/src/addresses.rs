//! Where the parts of the native lab answer: from the lab file, with their ports moved by its offset.

use daemon_core::lab::{Lab, LabError};
use daemon_core::values::{HostPort, HttpUrl};

/// The addresses of the parts that are not nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) loadgen: HostPort,
    pub(crate) scenariod: HostPort,
    pub(crate) guard: HostPort,
    pub(crate) toxiproxy: HostPort,
    pub(crate) prometheus: HostPort,
    pub(crate) grafana: HostPort,
}

/// No section of the lab file names it.
const GRAFANA: &str = "127.0.0.1:3000";

impl Addresses {
    /// Those of a lab file. The sections themselves are checked by the daemons that they belong to.
    pub(crate) fn of(lab: &Lab) -> Result<Addresses, LabError> {
        let address = |path, default| lab.address(path, default);
        Ok(Addresses {
            loadgen: address("loadgen/metrics_addr", "127.0.0.1:9090")?,
            scenariod: address("scenariod/metrics_addr", "127.0.0.1:9092")?,
            guard: address("scenariod/guard_addr", "127.0.0.1:9095")?,
            toxiproxy: host_port(lab, "scenariod/toxiproxy", "http://127.0.0.1:8474")?,
            prometheus: host_port(lab, "scenariod/prometheus", "http://127.0.0.1:9091")?,
            grafana: address("", GRAFANA)?,
        })
    }
}
