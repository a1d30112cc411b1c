//! Packets that the kernel drops, by an iptables rule of this network namespace.

use std::process::Command;

use crate::error::FidelityError;

/// A rule that is in force, removed on drop.
#[derive(Debug)]
pub(crate) struct DropRule {
    rule: Vec<String>,
}

impl DropRule {
    /// Drops this share of the packets that arrive on the device.
    pub(crate) fn add(device: &str, rate: f64) -> Result<Self, FidelityError> {
        let rate = format!("{rate:.6}");
        let statistic = ["-m", "statistic", "--mode", "random", "--probability", &rate];
        let rule = [["INPUT", "-i", device].as_slice(), &statistic, &["-j", "DROP"]].concat();
        let rule: Vec<String> = rule.into_iter().map(str::to_owned).collect();
        iptables("-A", &rule)?;
        Ok(Self { rule })
    }
}

impl Drop for DropRule {
    fn drop(&mut self) {
        if let Err(error) = iptables("-D", &self.rule) {
            eprintln!("warning: {error}");
        }
    }
}

fn iptables(action: &str, rule: &[String]) -> Result<(), FidelityError> {
    let failed = |source| FidelityError::Run { program: "iptables".to_owned(), source };
    let output = Command::new("iptables").arg(action).args(rule).output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(FidelityError::Ended { program: "iptables".to_owned(), status: output.status, output: text })
}
