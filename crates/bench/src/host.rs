//! On what was measured: CPUs, kernel, versions, and how busy everything else kept the machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity};

use crate::error::BenchError;
use crate::programs;

/// Two CPUs this process may run on.
pub(crate) fn two_cpus() -> Result<[usize; 2], BenchError> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect();
    match usable.as_slice() {
        [server, client, ..] => Ok([*server, *client]),
        few => Err(BenchError::Cpus { count: few.len() }),
    }
}

/// As many open files as this process may give itself; the programs it starts inherit it.
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

/// Time all CPUs together were not idle since the machine's start, in steps of 10 ms.
pub(crate) fn busy() -> Result<Duration, BenchError> {
    let path = PathBuf::from("/proc/stat");
    let text = fs::read_to_string(&path).map_err(|source| BenchError::Read { path, source })?;
    Ok(Duration::from_millis(10 * busy_ticks(&text)))
}

/// user, nice, system, irq, softirq and steal; not idle and iowait, and guests are part of user.
fn busy_ticks(stat: &str) -> u64 {
    let fields = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
    [0, 1, 2, 5, 6, 7].into_iter().filter_map(|index| ticks.get(index)).sum()
}

/// Lines for a report: the machine, and what was built on it.
pub(crate) fn description() -> Vec<String> {
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

/// What a program says of its version when asked with `flag`.
pub(crate) fn version(name: &str, flag: &str) -> String {
    programs::find(name)
        .map_or_else(|_| format!("{name}: not found"), |path| first_line(Command::new(path).arg(flag)))
}

fn first_line(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).lines().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::busy_ticks;

    #[test]
    fn idle_is_not_busy() {
        assert_eq!(busy_ticks("cpu  10 1 20 4000 300 2 3 4 0 0\ncpu0 1 1 1 1\n"), 40);
    }
}
