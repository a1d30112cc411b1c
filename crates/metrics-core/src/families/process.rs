//! Figures of this process from the operating system, read at each scrape. On systems other than Linux the families are
//! empty.

mod run_delay;

use std::collections::BTreeMap;
use std::fmt::Error;
use std::sync::LazyLock;

use procfs::WithCurrentSystemInfo;
use procfs::process::{LimitValue, Process};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::family::Family;
use crate::locked::Locked;
use run_delay::RunDelay;

pub(super) const CPU: Family =
    Family::counter("process_cpu_seconds_total", &[], "User and system CPU time of this process, in seconds");
const RESIDENT: Family =
    Family::gauge("process_resident_memory_bytes", &[], "Resident memory of this process, in bytes");
const VIRTUAL: Family =
    Family::gauge("process_virtual_memory_bytes", &[], "Virtual memory of this process, in bytes");
const OPEN_FDS: Family = Family::gauge("process_open_fds", &[], "Open file descriptors");
const MAX_FDS: Family = Family::gauge("process_max_fds", &[], "Limit on open file descriptors");
const THREADS: Family = Family::gauge("process_threads", &[], "Threads of this process");
const START_TIME: Family = Family::gauge(
    "process_start_time_seconds",
    &[],
    "Start time of this process, in seconds since the epoch",
);

/// Time that the threads of a daemon waited for a CPU.
pub(super) const WAITING: Family = Family::counter(
    "process_schedstat_waiting_seconds_total",
    &[],
    "Time that the threads of this process waited for a CPU, in seconds; absent if the kernel has no scheduler statistics",
);

pub(super) const FAMILIES: &[&Family] =
    &[&CPU, &RESIDENT, &VIRTUAL, &OPEN_FDS, &MAX_FDS, &THREADS, &START_TIME, &WAITING];

#[derive(Debug, Default)]
pub(crate) struct ProcessFamilies {
    run_delay: Locked<RunDelay>,
}

/// How long each thread of the process has waited for a CPU, in nanoseconds. Empty if the kernel does not say. A thread that
/// ends while it is read is left out.
fn waits(process: &Process) -> BTreeMap<i32, u64> {
    let threads = process.tasks().into_iter().flatten().flatten();
    threads.filter_map(|thread| Some((thread.tid, thread.schedstat().ok()?.run_delay))).collect()
}

/// When the machine started, in seconds since the epoch. Read once, because the kernel needs more time for this file than
/// for all the others together.
fn boot_time() -> Option<f64> {
    static BOOT: LazyLock<Option<f64>> =
        LazyLock::new(|| procfs::boot_time_secs().ok().map(|secs| secs as f64));
    *BOOT
}

impl Collector for ProcessFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let e = &mut encoder;
        // A figure that cannot be read is absent from this scrape. A 0 would be wrong.
        let Ok(process) = Process::myself() else { return Ok(()) };
        if let Ok(stat) = process.stat() {
            let ticks = procfs::ticks_per_second() as f64;
            CPU.encode_one(e, (stat.utime + stat.stime) as f64 / ticks)?;
            RESIDENT.encode_one(e, stat.rss_bytes().get() as f64)?;
            VIRTUAL.encode_one(e, stat.vsize as f64)?;
            THREADS.encode_one(e, stat.num_threads as f64)?;
            if let Some(boot) = boot_time() {
                START_TIME.encode_one(e, boot + stat.starttime as f64 / ticks)?;
            }
        }
        if let Ok(count) = process.fd_count() {
            OPEN_FDS.encode_one(e, count as f64)?;
        }
        if let Ok(limits) = process.limits()
            && let LimitValue::Value(max) = limits.max_open_files.soft_limit
        {
            MAX_FDS.encode_one(e, max as f64)?;
        }
        let waits = waits(&process);
        if !waits.is_empty() {
            WAITING.encode_one(e, self.run_delay.lock().update(waits) as f64 / 1e9)?;
        }
        Ok(())
    }
}
