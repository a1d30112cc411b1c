//! Where the parts of a lab answer that are not nodes: from the lab file, else the lab's own ports, all moved by its offset.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Lab, LabError};
use crate::values::{HostPort, HttpUrl};

/// The addresses of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Metrics of the load generator.
    pub loadgen: HostPort,
    /// Metrics of a scenario while it runs.
    pub scenariod: HostPort,
    /// Metrics of the guard.
    pub guard: HostPort,
    /// Toxiproxy's API.
    pub toxiproxy: HttpUrl,
    /// Prometheus.
    pub prometheus: HttpUrl,
    /// Grafana; no key of the lab file moves it.
    pub grafana: HostPort,
}

impl Lab {
    /// Every address of this lab.
    pub fn addresses(&self) -> Result<Addresses, LabError> {
        let address = |path: &str, default: &str| self.moved(path, default, HostPort::offset);
        let url = |path: &str, default: &str| self.moved(path, default, HttpUrl::offset);
        Ok(Addresses {
            loadgen: address("loadgen/metrics_addr", "127.0.0.1:9090")?,
            scenariod: address("scenariod/metrics_addr", "127.0.0.1:9092")?,
            guard: address("scenariod/guard_addr", "127.0.0.1:9095")?,
            toxiproxy: url("scenariod/toxiproxy", "http://127.0.0.1:8474")?,
            prometheus: url("scenariod/prometheus", "http://127.0.0.1:9091")?,
            grafana: address("grafana", "127.0.0.1:3000")?,
        })
    }

    fn moved<T: DeserializeOwned + JsonSchema + FromStr<Err = String>>(
        &self,
        path: &str,
        default: &str,
        offset: impl Fn(&T, u16) -> Result<T, String>,
    ) -> Result<T, LabError> {
        let wrong = |why: String| {
            let key = path.rsplit('/').next().unwrap_or(path);
            LabError::Wrong(self.document.problem(path, format!("`{key}`: {why} (LAB_PORT_OFFSET)")).into())
        };
        let written = self.document.value(path)?;
        let unmoved: T = written.map_or_else(|| default.parse().map_err(wrong), Ok)?;
        offset(&unmoved, self.port_offset).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "servers:\n  - { name: a, listen: 127.0.0.1:21211, upstream: 127.0.0.1:11211 }\n";

    #[test]
    fn addresses_come_from_the_file_or_are_the_labs_own_and_move_together() {
        let text = format!(
            "{NODES}scenariod: {{ toxiproxy: \"http://127.0.0.1:8000/\" }}\nloadgen: {{ metrics_addr: \"[::1]:9000\" }}\n"
        );
        let addresses = Lab::parse("lab.yaml", text, 2).and_then(|lab| lab.addresses()).expect("addresses");
        let shown = [&addresses.loadgen, &addresses.scenariod, &addresses.guard, &addresses.grafana];
        assert_eq!(
            shown.map(ToString::to_string),
            ["[::1]:9002", "127.0.0.1:9094", "127.0.0.1:9097", "127.0.0.1:3002"]
        );
        assert_eq!(addresses.toxiproxy.to_string(), "http://127.0.0.1:8002");
        assert_eq!(addresses.prometheus.to_string(), "http://127.0.0.1:9093");
    }

    #[test]
    fn an_address_that_is_wrong_or_moved_too_far_is_named_with_its_line() {
        let error = |text: &str, offset| {
            let lab = Lab::parse("lab.yaml", format!("{NODES}{text}"), offset).expect("nodes are right");
            lab.addresses().expect_err("is wrong").to_string()
        };
        assert_eq!(
            error("scenariod: { guard_addr: nowhere }\n", 0),
            "lab.yaml:3: `guard_addr` is `nowhere`: not an address, write it like `127.0.0.1:9090`"
        );
        assert_eq!(
            error("scenariod:\n  guard_addr: 127.0.0.1:40000\n", 40_000),
            "lab.yaml:4: `guard_addr`: port 40000 moved by 40000 is beyond 65535 (LAB_PORT_OFFSET)"
        );
    }
}
