//! Packets that the model loses: scenariod holds a scenario in its testing phase during a measurement. SIGINT ends it and
//! removes the fault.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use metrics_core::families::toxiproxy::ACTIVE;
use testkit::{Process, Scrape, Signal, command, find_workspace_bin, free_addr, holds_within};

use crate::error::FidelityError;
use crate::options::Options;

const LIMIT: Duration = Duration::from_secs(20);

/// The scenarios of all rates, in a catalogue of their own.
#[derive(Debug)]
pub(crate) struct Scenarios {
    program: PathBuf,
    folder: PathBuf,
    toxiproxy: String,
    lab: PathBuf,
}

/// A scenario in its testing phase.
pub(crate) struct RunningScenario(Process);

impl Scenarios {
    pub(crate) fn write(folder: &Path, options: &Options) -> Result<Self, FidelityError> {
        let mut text = "family: calibration\nphases: { stabilization: 10ms, testing: 24h, recovery: 10ms }\n\
                        scenarios:\n"
            .to_owned();
        for rate in &options.rates {
            let name = loss_name(*rate);
            let _ = writeln!(
                text,
                "  - {{ name: {name}, about: x, faults: [{{ target: memcached1, fault: packet_loss, rate: {rate} }}] }}"
            );
        }
        let catalogue = folder.join("catalogue");
        let path = catalogue.join("calibration.yaml");
        fs::create_dir_all(&catalogue)
            .and_then(|()| fs::write(&path, text))
            .map_err(|source| FidelityError::Write { path, source })?;
        Ok(Self {
            program: find_workspace_bin("scenariod").map_err(|path| FidelityError::NotBuilt { path })?,
            folder: folder.to_owned(),
            toxiproxy: format!("http://{}", options.toxiproxy),
            lab: options.lab.clone(),
        })
    }

    /// Starts the scenario of this rate. Its packet loss is active when this returns.
    pub(crate) fn start(&self, rate: f64) -> Result<RunningScenario, FidelityError> {
        let metrics = free_addr();
        let mut command = command(&self.program);
        command.args(["--scenario", &loss_name(rate), "--linger", "0s", "--no-verdict"]);
        command.args(["--toxiproxy", &self.toxiproxy, "--metrics-addr", &metrics.to_string()]);
        command.arg("--config").arg(&self.lab);
        command.arg("--catalogue").arg(self.folder.join("catalogue"));
        command.arg("--state-dir").arg(self.folder.join("state"));
        let scenariod = Process::start("scenariod", command)?;
        let active = [("server", "memcached1"), ("type", "packet_loss")];
        let in_time = holds_within(LIMIT, || {
            if let Some(status) = scenariod.exit_status() {
                let (program, output) = (scenariod.name().to_owned(), scenariod.tail());
                return Err(FidelityError::Ended { program, status, output });
            }
            // There is no answer before it serves.
            Ok(Scrape::get(metrics).is_ok_and(|page| page.value(ACTIVE.name, active) == Some(1.0)))
        })?;
        if in_time {
            Ok(RunningScenario(scenariod))
        } else {
            Err(FidelityError::late(&scenariod, "packet loss on memcached1", LIMIT))
        }
    }
}

impl RunningScenario {
    /// Ends the scenario and waits until it has removed its fault.
    pub(crate) fn end(self) -> Result<(), FidelityError> {
        self.0.signal(Signal::INT);
        if holds_within(LIMIT, || Ok::<_, FidelityError>(self.0.exit_status().is_some()))? {
            Ok(())
        } else {
            Err(FidelityError::late(&self.0, "its end", LIMIT))
        }
    }
}

fn loss_name(rate: f64) -> String {
    format!("loss-{:.0}", rate * 1e6)
}
