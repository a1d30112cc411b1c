//! What this daemon reads from the lab file: the nodes as proxies, and its own section. Flags override it. Nothing is opened here.

use std::time::Duration;

use daemon_core::lab::{Lab, LabError};
use daemon_core::problems::Problems;
use daemon_core::values::{HostPort, HttpUrl, Positive};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::toxiproxy::NewProxy;

const STOP_GRACE: Duration = Duration::from_secs(10);

/// The section `scenariod`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Section {
    /// The addresses are read by `Lab::addresses`.
    #[serde(rename = "metrics_addr")]
    _metrics_addr: Option<HostPort>,
    #[serde(rename = "toxiproxy")]
    _toxiproxy: Option<HttpUrl>,
    #[serde(rename = "guard_addr")]
    _guard_addr: Option<HostPort>,
    #[serde(rename = "prometheus")]
    _prometheus: Option<HttpUrl>,
    restart_hook: Option<String>,
    stop_grace: Option<Positive>,
}

/// The addresses and nodes of a lab.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) metrics_addr: HostPort,
    pub(crate) toxiproxy: HttpUrl,
    /// Of the lab file. A flag or a variable overrides it.
    pub(crate) prometheus: HttpUrl,
    /// How long a stop condition may stay unreadable.
    pub(crate) stop_grace: Duration,
    pub(crate) servers: Vec<NewProxy>,
    /// Where the guard serves its metrics.
    pub(crate) guard_addr: HostPort,
    /// Shell command that restarts a Toxiproxy whose API hangs.
    pub(crate) restart_hook: Option<String>,
}

impl Settings {
    /// Flags override the lab file. The lab's port offset moves only ports of the file.
    pub(crate) fn new(
        lab: &Lab,
        metrics_addr: Option<HostPort>,
        toxiproxy: Option<HttpUrl>,
    ) -> Result<Settings, LabError> {
        let section: Section = lab.section("scenariod")?;
        let addresses = lab.addresses()?;
        proxies_apart(lab)?;
        Ok(Settings {
            prometheus: addresses.prometheus_url,
            stop_grace: section.stop_grace.map_or(STOP_GRACE, Positive::get),
            metrics_addr: metrics_addr.unwrap_or(addresses.scenariod),
            toxiproxy: toxiproxy.unwrap_or(addresses.toxiproxy),
            servers: proxies(lab),
            guard_addr: addresses.guard,
            restart_hook: section.restart_hook,
        })
    }

    /// The names of the lab's nodes, in file order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.name.clone()).collect()
    }
}

/// Two proxies cannot listen on one address, and a proxy cannot lead to itself.
fn proxies_apart(lab: &Lab) -> Result<(), Problems> {
    let mut problems = Problems::default();
    for (index, server) in lab.servers.iter().enumerate() {
        let mut wrong = |key: &str, message: String| {
            problems.0.push(lab.document().problem(&format!("servers/{index}/{key}"), message));
        };
        let (name, listen) = (&server.name, &server.listen);
        if server.upstream == *listen {
            wrong("upstream", format!("{name} has the same `listen` and `upstream`, {listen}"));
        }
        let earlier = lab.servers.iter().take(index).find(|other| other.listen == *listen);
        if let Some(other) = earlier.filter(|_| listen.port() != 0) {
            wrong("listen", format!("{} and {name} have the same `listen`, {listen}", other.name));
        }
    }
    problems.or(())
}

/// The proxies of the lab's nodes.
pub(crate) fn proxies(lab: &Lab) -> Vec<NewProxy> {
    let proxy = |server: &daemon_core::lab::Server| NewProxy {
        name: server.name.to_string(),
        listen: server.listen.to_string(),
        upstream: server.upstream.to_string(),
    };
    lab.servers.iter().map(proxy).collect()
}
