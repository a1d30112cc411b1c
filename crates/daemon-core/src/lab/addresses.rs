//! The addresses of the parts that are not nodes: from the lab file, else the lab's default ports, all moved by the offset.
//! Nothing here connects to them.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Lab, LabError};
use crate::values::{HostPort, HttpUrl};

const DEFAULT_PROMETHEUS: &str = "http://127.0.0.1:9091";

/// The addresses of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Metrics of loadgen.
    pub loadgen: HostPort,
    /// Metrics of a scenario while it runs.
    pub scenariod: HostPort,
    /// Metrics of `scenariod guard`.
    pub guard: HostPort,
    /// Toxiproxy's API.
    pub toxiproxy: HttpUrl,
    /// Where verdicts are read from.
    pub prometheus_url: HttpUrl,
    /// Where the native lab's Prometheus listens: the address of `scenariod.prometheus` if that is on this machine.
    pub prometheus: HostPort,
    /// Grafana. The lab file has no key for it.
    pub grafana: HostPort,
}

impl Lab {
    /// Where loadgen serves its metrics. The other sections may be invalid.
    pub fn loadgen_addr(&self) -> Result<HostPort, LabError> {
        self.moved("loadgen/metrics_addr", "127.0.0.1:9090", HostPort::offset)
    }

    /// Every address of this lab.
    pub fn addresses(&self) -> Result<Addresses, LabError> {
        let address = |path: &str, default: &str| self.moved(path, default, HostPort::offset);
        let prometheus = self.moved("scenariod/prometheus", DEFAULT_PROMETHEUS, HttpUrl::offset)?;
        Ok(Addresses {
            loadgen: self.loadgen_addr()?,
            scenariod: address("scenariod/metrics_addr", "127.0.0.1:9092")?,
            guard: address("scenariod/guard_addr", "127.0.0.1:9095")?,
            toxiproxy: self.moved("scenariod/toxiproxy", "http://127.0.0.1:8474", HttpUrl::offset)?,
            prometheus: match is_local(&prometheus) {
                true => prometheus.host_port(),
                false => address("", "127.0.0.1:9091")?,
            },
            prometheus_url: prometheus,
            grafana: address("", "127.0.0.1:3000")?,
        })
    }

    fn moved<T: DeserializeOwned + JsonSchema + Display + FromStr<Err = String>>(
        &self,
        path: &str,
        default: &str,
        offset: impl Fn(&T, u16) -> Result<T, String>,
    ) -> Result<T, LabError> {
        let key = path.rsplit('/').next().unwrap_or(path);
        let wrong =
            |why: String| LabError::Wrong(self.document.problem(path, format!("`{key}`: {why}")).into());
        let written = if path.is_empty() { None } else { self.document.value(path)? };
        let unmoved: T = written.map_or_else(|| default.parse().map_err(wrong), Ok)?;
        offset(&unmoved, self.port_offset).map_err(|why| {
            let message = format!("`{key}` is {unmoved}: {why} (LAB_PORT_OFFSET)");
            LabError::Wrong(self.document.problem(path, message).into())
        })
    }
}

/// Whether the native lab's own Prometheus can be at this URL.
fn is_local(url: &HttpUrl) -> bool {
    let host = url.host_port().host().to_owned();
    url.get().scheme() == "http"
        && (host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: &str = "servers:\n  - { name: a, listen: 127.0.0.1:21211, upstream: 127.0.0.1:11211 }\n";

    #[test]
    fn addresses_come_from_the_file_or_the_defaults_and_move_together() {
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
        assert_eq!(addresses.prometheus.to_string(), "127.0.0.1:9093");
    }

    #[test]
    fn a_prometheus_elsewhere_leaves_the_labs_own_at_its_default_port() {
        let prometheus = |url: &str| {
            let text = format!("{NODES}scenariod: {{ prometheus: \"{url}\" }}\n");
            Lab::parse("lab.yaml", text, 0)
                .and_then(|lab| lab.addresses())
                .expect("addresses")
                .prometheus
                .to_string()
        };
        assert_eq!(prometheus("http://[::1]:9191/"), "[::1]:9191");
        assert_eq!(prometheus("http://localhost:9191"), "localhost:9191");
        for elsewhere in ["https://prometheus.example/path", "http://10.1.2.3:9090", "https://127.0.0.1:9191"]
        {
            assert_eq!(prometheus(elsewhere), "127.0.0.1:9091", "{elsewhere}");
        }
    }

    #[test]
    fn an_invalid_address_and_one_moved_above_the_last_port_are_named_with_their_lines() {
        let error = |text: &str, offset| {
            let lab = Lab::parse("lab.yaml", format!("{NODES}{text}"), offset).expect("the nodes are valid");
            lab.addresses().expect_err("invalid").to_string()
        };
        assert_eq!(
            error("scenariod: { guard_addr: nowhere }\n", 0),
            "lab.yaml:3: `guard_addr` is `nowhere`: not an address, write it like `127.0.0.1:9090`"
        );
        assert_eq!(
            error("scenariod:\n  guard_addr: 127.0.0.1:40000\n", 40_000),
            "lab.yaml:4: `guard_addr` is 127.0.0.1:40000: port 40000 plus 40000 is above 65535 (LAB_PORT_OFFSET)"
        );
    }
}
