//! The kernel's account of processor time and memory, of one process and of the whole machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::BenchError;

/// Time on a processor, summed over the threads that exist now. Exact to the scheduler's tick.
pub(crate) fn time(pid: u32) -> Result<Duration, BenchError> {
    let tasks = PathBuf::from(format!("/proc/{pid}/task"));
    let failed = |source| BenchError::Read { path: tasks.clone(), source };
    let mut nanos = 0;
    for task in fs::read_dir(&tasks).map_err(failed)? {
        let path = task.map_err(failed)?.path().join("schedstat");
        // The time of a thread that ends between the two reads is lost.
        let text = fs::read_to_string(&path).unwrap_or_default();
        nanos += on_cpu(&text).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanos))
}

/// The largest resident memory so far, in bytes.
pub(crate) fn peak_memory(pid: u32) -> Result<u64, BenchError> {
    let path = PathBuf::from(format!("/proc/{pid}/status"));
    let text = read(&path)?;
    peak(&text).ok_or_else(|| BenchError::Read { path, source: std::io::ErrorKind::InvalidData.into() })
}

/// Time that all CPUs together were busy since the machine's start, in steps of 10 ms.
pub(crate) fn machine_busy() -> Result<Duration, BenchError> {
    let text = read(Path::new("/proc/stat"))?;
    Ok(Duration::from_millis(10 * busy_ticks(&text)))
}

/// user, nice, system, irq, softirq and steal. Not idle and iowait; guests are part of user.
fn busy_ticks(stat: &str) -> u64 {
    let fields = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
    let ticks: Vec<u64> = fields.map(|field| field.parse().unwrap_or(0)).collect();
    [0, 1, 2, 5, 6, 7].into_iter().filter_map(|index| ticks.get(index)).sum()
}

fn read(path: &Path) -> Result<String, BenchError> {
    fs::read_to_string(path).map_err(|source| BenchError::Read { path: path.to_owned(), source })
}

fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().next()?.parse().ok()
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{busy_ticks, on_cpu, peak, peak_memory, time};

    #[test]
    fn idle_is_not_busy() {
        assert_eq!(busy_ticks("cpu  10 1 20 4000 300 2 3 4 0 0\ncpu0 1 1 1 1\n"), 40);
    }

    #[test]
    fn the_kernels_formats_are_read() {
        assert_eq!(on_cpu("2147318447 10235120 914\n"), Some(2_147_318_447));
        assert_eq!(on_cpu(""), None);
        assert_eq!(peak("VmPeak:\t  20000 kB\nVmHWM:\t    3264 kB\nVmRSS:\t 1 kB\n"), Some(3264 * 1024));
        assert_eq!(peak("Name:\tx\n"), None);
    }

    #[test]
    fn time_grows_with_work() {
        let pid = std::process::id();
        let before = time(pid).unwrap();
        let mut sum = 0_u64;
        // The time of other tests' threads is lost when they end.
        while time(pid).unwrap().saturating_sub(before) < std::time::Duration::from_millis(20) {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(peak_memory(pid).unwrap() > 100 * 1024);
    }
}
