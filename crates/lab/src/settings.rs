//! The lab's identity and addresses as assignments that a shell evaluates.

use std::ffi::OsStr;

use daemon_core::lab::{Addresses, Lab, LabError};

use crate::home::Home;
use crate::service::quoted;

/// A line for each value, such as `prometheus_address=127.0.0.1:9091`.
pub(crate) fn shell(home: &Home, lab: &Lab) -> Result<String, LabError> {
    let Addresses { loadgen, scenariod, guard, toxiproxy, prometheus, grafana, .. } = lab.addresses()?;
    let addresses = [
        ("loadgen", loadgen),
        ("scenariod", scenariod),
        ("guard", guard),
        ("toxiproxy", toxiproxy.host_port()),
        ("prometheus", prometheus),
        ("grafana", grafana),
    ];
    let line = |name: &str, value: &str| format!("{name}={}\n", quoted(OsStr::new(value)).to_string_lossy());
    let addresses = addresses.map(|(part, address)| line(&format!("{part}_address"), &address.to_string()));
    Ok(std::iter::once(line("lab_id", home.id())).chain(addresses).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_an_assignment_and_words_are_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(folder.path()).unwrap();
        let text = "servers:\n  - { name: a, listen: 127.0.0.1:21211, upstream: 127.0.0.1:11211 }\n\
                    loadgen: { metrics_addr: \"[::1]:9000\" }\nscenariod: { toxiproxy: \"http://$x:8474/\" }\n";
        let lab = Lab::parse("lab.yaml", text, 10).unwrap();
        assert_eq!(
            shell(&home, &lab).unwrap(),
            format!(
                "lab_id={}\nloadgen_address='[::1]:9010'\nscenariod_address=127.0.0.1:9102\nguard_address=127.0.0.1:9105\n\
                 toxiproxy_address='$x:8484'\nprometheus_address=127.0.0.1:9101\ngrafana_address=127.0.0.1:3010\n",
                home.id()
            )
        );
    }
}
