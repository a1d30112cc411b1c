//! Other work on this machine: processes that use the CPUs or the disk until they are dropped.

use std::path::Path;
use std::process::Command;

use crate::process::{Process, StartError};

/// What the other processes do, and with which priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Neighbour {
    /// Loops with the priority of the lab.
    Loops(usize),
    /// Loops that give way to the lab.
    NicedLoops(usize),
    /// Loops before which the lab never runs. They need the right to use real-time priorities.
    RealtimeLoops(usize),
    /// Writers that wait until each file is on the disk.
    DiskWriters(usize),
}

/// Processes that keep the machine busy, killed on drop.
pub struct BusyMachine {
    processes: Vec<Process>,
}

impl BusyMachine {
    /// Starts them. Writers write into `folder`.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(neighbour: Neighbour, folder: &Path) -> Result<Self, StartError> {
        const LOOP: [&str; 3] = ["sh", "-c", "while :; do :; done"];
        let words = |before: &[&str]| -> Vec<String> {
            before.iter().chain(&LOOP).map(ToString::to_string).collect()
        };
        let (count, words) = match neighbour {
            Neighbour::Loops(count) => (count, words(&[])),
            Neighbour::NicedLoops(count) => (count, words(&["nice", "-n", "10"])),
            Neighbour::RealtimeLoops(count) => (count, words(&["chrt", "-f", "10"])),
            Neighbour::DiskWriters(count) => {
                let script =
                    "while :; do dd if=/dev/zero of=\"$0.$$\" bs=1M count=64 conv=fsync 2>/dev/null; done";
                let file = folder.join("written").display().to_string();
                (count, vec!["sh".to_owned(), "-c".to_owned(), script.to_owned(), file])
            }
        };
        let start = |_| {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            Process::start("a neighbour", command)
        };
        Ok(Self { processes: (0..count).map(start).collect::<Result<_, _>>()? })
    }

    /// Whether all of them run.
    pub fn is_running(&self) -> bool {
        self.processes.iter().all(|process| process.exit_status().is_none())
    }
}
