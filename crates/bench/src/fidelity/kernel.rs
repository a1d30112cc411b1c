//! Packets that the kernel drops: an iptables rule of this network namespace, gone when its owner is.

use std::process::Command;

use crate::error::BenchError;

/// A rule that is in force.
#[derive(Debug)]
pub(super) struct Dropping {
    rule: Vec<String>,
}

impl Dropping {
    /// Drops this share of the packets that arrive on the device.
    pub(super) fn start(device: &str, rate: f64) -> Result<Self, BenchError> {
        let rate = format!("{rate:.6}");
        let rule = [
            "INPUT",
            "-i",
            device,
            "-m",
            "statistic",
            "--mode",
            "random",
            "--probability",
            &rate,
            "-j",
            "DROP",
        ];
        let rule = rule.map(str::to_owned).to_vec();
        iptables("-A", &rule)?;
        Ok(Self { rule })
    }
}

impl Drop for Dropping {
    fn drop(&mut self) {
        if let Err(error) = iptables("-D", &self.rule) {
            eprintln!("warning: {error}");
        }
    }
}

fn iptables(action: &str, rule: &[String]) -> Result<(), BenchError> {
    let failed = |source| BenchError::Run { program: "iptables".to_owned(), source };
    let output = Command::new("iptables").arg(action).args(rule).output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let output_text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Ended { program: "iptables".to_owned(), status: output.status, output: output_text })
}
