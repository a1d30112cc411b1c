//! Identity and addresses of the lab as assignments that a shell reads.

use std::ffi::OsStr;

use daemon_core::lab::{Addresses, Lab, LabError};

use crate::home::Home;
use crate::service::quoted;

/// A line for each, such as `prometheus_address='127.0.0.1:9091'`.
pub(crate) fn shell(home: &Home, lab: &Lab) -> Result<String, LabError> {
    let Addresses { loadgen, scenariod, guard, toxiproxy, prometheus, grafana } = lab.addresses()?;
    let addresses = [
        ("loadgen", loadgen.to_string()),
        ("scenariod", scenariod.to_string()),
        ("guard", guard.to_string()),
        ("toxiproxy", toxiproxy.host_port().to_string()),
        ("prometheus", prometheus.host_port().to_string()),
        ("grafana", grafana.to_string()),
    ];
    let line = |name: &str, value: &str| format!("{name}={}\n", quoted(OsStr::new(value)).to_string_lossy());
    let addresses = addresses.map(|(part, address)| line(&format!("{part}_address"), &address));
    Ok(std::iter::once(line("lab_id", home.id())).chain(addresses).collect())
}
