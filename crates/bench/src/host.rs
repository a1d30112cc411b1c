//! The machine: its CPUs, its limits, and its description in a report.

use std::fs;
use std::io;
use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::BenchError;

/// The CPUs that this process may use.
pub fn usable_cpus() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

/// Limits this thread, and what it starts from now on, to these CPUs.
///
/// # Errors
/// When the system refuses it.
pub fn run_on(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus.iter().filter(|cpu| **cpu < CpuSet::MAX_CPU) {
        set.set(*cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Raises the limit of open files as far as allowed. The programs that this process starts inherit it.
pub(crate) fn raise_open_files(needed: u64) -> Result<(), BenchError> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let raised = setrlimit(Resource::Nofile, limit);
    let allowed = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    match raised {
        Ok(()) if allowed >= needed => Ok(()),
        _ => Err(BenchError::Files { allowed, needed }),
    }
}

/// Lines for a report: the machine, the commit and the compiler.
pub fn description() -> Vec<String> {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    vec![
        format!(
            "{} x {}, Linux {}",
            cpus.lines().filter(|line| line.starts_with("processor")).count(),
            model.map_or("unknown CPU", |(_, model)| model.trim()),
            kernel.trim()
        ),
        format!(
            "commit {}, {}, release profile",
            first_line(Command::new("git").args(["describe", "--always", "--dirty"])),
            first_line(Command::new("rustc").arg("--version"))
        ),
    ]
}

/// The version of a third-party program, as it prints it with `flag`.
pub fn version(name: &str, flag: &str) -> String {
    testkit::find_program(name)
        .map_or_else(|| format!("{name}: not found"), |path| first_line(Command::new(path).arg(flag)))
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::usable_cpus;

    #[test]
    fn this_process_may_use_a_cpu() {
        assert!(!usable_cpus().is_empty());
    }
}
