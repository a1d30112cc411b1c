//! Packets that the model loses: a scenario walked by scenariod itself, held in testing for as long as a measurement
//! takes, and ended by a signal, which heals it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use metrics_core::families::toxiproxy::ACTIVE;
use rustix::process::{Pid, Signal, kill_process};

use super::Options;
use super::load::get;
use crate::child::Child;
use crate::error::BenchError;
use crate::{host, node, programs, wait};

const PATIENCE: Duration = Duration::from_secs(20);

/// The scenarios of all rates, in a catalogue of their own.
#[derive(Debug)]
pub(super) struct Scenarios {
    program: PathBuf,
    folder: PathBuf,
    toxiproxy: String,
    lab: PathBuf,
}

/// A scenario in its testing phase.
pub(super) struct Losing(Child);

impl Scenarios {
    pub(super) fn write(folder: &Path, options: &Options) -> Result<Self, BenchError> {
        let mut text = "family: calibration\nphases: { stabilization: 10ms, testing: 24h, recovery: 10ms }\n\
                        scenarios:\n"
            .to_owned();
        for rate in &options.rates {
            let name = name(*rate);
            let _ = writeln!(
                text,
                "  - {{ name: {name}, about: x, faults: [{{ target: memcached1, fault: packet_loss, rate: {rate} }}] }}"
            );
        }
        let catalogue = folder.join("catalogue");
        let path = catalogue.join("calibration.yaml");
        fs::create_dir_all(&catalogue)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| BenchError::Write { path, source })?;
        Ok(Self {
            program: programs::ours("scenariod")?,
            folder: folder.to_owned(),
            toxiproxy: format!("http://{}", options.toxiproxy),
            lab: options.lab.clone(),
        })
    }

    /// Puts the loss on; it is on when this returns.
    pub(super) fn start(&self, rate: f64) -> Result<Losing, BenchError> {
        let metrics = node::free_address()?;
        let name = name(rate);
        let (catalogue, lab) = (self.folder.join("catalogue"), self.lab.display().to_string());
        let catalogue = catalogue.display().to_string();
        let metrics_addr = metrics.to_string();
        let state = self.folder.join("state").display().to_string();
        let args = [
            "--scenario",
            &name,
            "--catalogue",
            &catalogue,
            "--config",
            &lab,
            "--toxiproxy",
            &self.toxiproxy,
            "--metrics-addr",
            &metrics_addr,
            "--linger",
            "0s",
            "--no-verdict",
            "--state-dir",
            &state,
        ];
        let mut child = Child::start("scenariod", self.program.as_os_str(), args, &host::two_cpus()?)?;
        let on = || {
            child.must_run()?;
            // Not answering yet is no failure.
            let scrape = get(metrics, "/metrics").unwrap_or_default();
            let active = scrape.lines().find(|line| {
                line.strip_prefix(ACTIVE.name).is_some_and(|rest| rest.starts_with('{'))
                    && line.contains("packet_loss")
                    && line.contains("memcached1")
            });
            Ok(active.and_then(|line| line.rsplit(" ").next()) == Some("1.0"))
        };
        if wait::holds_within(PATIENCE, on)? {
            Ok(Losing(child))
        } else {
            let program = child.program().to_owned();
            Err(BenchError::Late { program, condition: "packet loss on memcached1", limit: PATIENCE })
        }
    }
}

impl Losing {
    /// Ends the scenario and waits until it has healed.
    pub(super) fn end(mut self) -> Result<(), BenchError> {
        let pid = i32::try_from(self.0.pid()).ok().and_then(Pid::from_raw);
        let failed = |source: std::io::Error| BenchError::Run { program: "scenariod".to_owned(), source };
        pid.map_or(Ok(()), |pid| kill_process(pid, Signal::INT)).map_err(|errno| failed(errno.into()))?;
        let ended = || Ok(self.0.must_run().is_err());
        if wait::holds_within(PATIENCE, ended)? {
            return Ok(());
        }
        Err(BenchError::Late { program: "scenariod".to_owned(), condition: "its end", limit: PATIENCE })
    }
}

fn name(rate: f64) -> String {
    format!("loss-{:.0}", rate * 1e6)
}
