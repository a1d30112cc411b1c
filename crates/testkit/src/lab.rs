//! A whole lab for the daemons: nodes, a Toxiproxy in front of them, and the lab file that names them.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_yaml::{Mapping, Value};
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::environment::command;
use crate::memcached::Memcached;
use crate::ports::free_addr;
use crate::programs::workspace;
use crate::prometheus::Prometheus;
use crate::toxiproxy::Toxiproxy;

/// Memcached nodes `memcached1`, `memcached2` and so on, a Toxiproxy, and a lab file with their ports.
pub struct Lab {
    /// The nodes, in order.
    pub nodes: Vec<Memcached>,
    /// The Toxiproxy in front of them.
    pub toxiproxy: Toxiproxy,
    /// Where loadgen serves its metrics.
    pub loadgen_addr: SocketAddr,
    /// Where scenariod serves its metrics.
    pub scenariod_addr: SocketAddr,
    folder: TempDir,
}

impl Lab {
    /// `n` nodes, each behind its proxy, as `just up` starts them.
    #[track_caller]
    pub fn start(n: usize) -> Self {
        let nodes: Vec<_> = (0..n).map(|_| Memcached::start()).collect();
        let toxiproxy =
            Toxiproxy::start_with(nodes.iter().enumerate().map(|(i, node)| (server(i), node.addr())));
        let listens: Vec<_> = (0..n).map(|i| toxiproxy.listen(&server(i))).collect();
        Self::with(nodes, toxiproxy, &listens)
    }

    /// As [`Lab::start`], but the Toxiproxy has no proxies yet.
    #[track_caller]
    pub fn start_without_proxies(n: usize) -> Self {
        let nodes: Vec<_> = (0..n).map(|_| Memcached::start()).collect();
        let listens: Vec<_> = (0..n).map(|_| free_addr()).collect();
        Self::with(nodes, Toxiproxy::start(), &listens)
    }

    fn with(nodes: Vec<Memcached>, toxiproxy: Toxiproxy, listens: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let lab = Self { nodes, toxiproxy, loadgen_addr: free_addr(), scenariod_addr: free_addr(), folder };
        let shipped = std::fs::read_to_string(workspace().join("config/lab.yaml")).expect("config/lab.yaml");
        std::fs::write(lab.config(), shipped).expect("lab.yaml");
        let server_section = |(i, (node, listen)): (usize, (&Memcached, &SocketAddr))| {
            let pairs =
                [("name", server(i)), ("listen", listen.to_string()), ("upstream", node.addr().to_string())];
            Value::Mapping(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
        };
        lab.set(
            "servers",
            Value::Sequence(lab.nodes.iter().zip(listens).enumerate().map(server_section).collect()),
        );
        lab.set("loadgen.metrics_addr", lab.loadgen_addr.to_string());
        lab.set("scenariod.metrics_addr", lab.scenariod_addr.to_string());
        lab.set("scenariod.toxiproxy", lab.toxiproxy.url());
        lab
    }

    /// The lab file: the repository's `config/lab.yaml` with this lab's addresses.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("lab.yaml")
    }

    /// A folder for other files of the test.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Sets a key of the lab file, e.g. `client.op_timeout` to `200ms`, for daemons started later.
    #[track_caller]
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        let text = std::fs::read_to_string(self.config()).expect("lab.yaml");
        let mut root: Value = serde_yaml::from_str(&text).expect("lab.yaml is YAML");
        let mut at = &mut root;
        for part in key.split('.') {
            let map = at.as_mapping_mut().unwrap_or_else(|| panic!("{key}: a key above it is not a mapping"));
            at = map.entry(part.into()).or_insert_with(|| Mapping::new().into());
        }
        *at = value.into();
        std::fs::write(self.config(), serde_yaml::to_string(&root).expect("YAML")).expect("lab.yaml");
    }

    /// Starts loadgen on this lab, from this binary.
    #[track_caller]
    pub fn loadgen<A: AsRef<OsStr>>(
        &self,
        bin: impl AsRef<Path>,
        args: impl IntoIterator<Item = A>,
    ) -> Daemon {
        Daemon::spawn(bin, self.args(args)).serving(self.loadgen_addr)
    }

    /// Starts scenariod on this lab, from this binary.
    #[track_caller]
    pub fn scenariod<A: AsRef<OsStr>>(
        &self,
        bin: impl AsRef<Path>,
        args: impl IntoIterator<Item = A>,
    ) -> Daemon {
        Daemon::run(self.command(bin, args)).serving(self.scenariod_addr)
    }

    /// Starts a Prometheus that scrapes both daemons and Toxiproxy. The daemons may start later.
    #[track_caller]
    pub fn prometheus(&self) -> Prometheus {
        Prometheus::start([
            ("loadgen", self.loadgen_addr),
            ("scenariod", self.scenariod_addr),
            ("toxiproxy", self.toxiproxy.addr()),
        ])
    }

    /// A command line of scenariod on this lab. All of them share one state folder, as daemon and guard do.
    pub fn command<A: AsRef<OsStr>>(
        &self,
        bin: impl AsRef<Path>,
        args: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = command(bin.as_ref());
        command.args(self.args(args)).env("LAB_STATE", self.folder.path().join("state"));
        command
    }

    fn args<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Vec<OsString> {
        let config = [OsString::from("--config"), self.config().into()];
        config.into_iter().chain(args.into_iter().map(|arg| arg.as_ref().to_owned())).collect()
    }
}

fn server(index: usize) -> String {
    format!("memcached{}", index + 1)
}
