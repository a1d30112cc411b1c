//! Figures of the host that explain a shortage: CPU pressure, time taken by the hypervisor, number of CPUs. They are read at
//! each scrape. A figure that the kernel does not have is absent. No verdict is decided by them, because any busy neighbour
//! changes them.

use std::fmt::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;

use procfs::{CpuPressure, Current};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::family::Family;

pub(super) const CPU_PRESSURE: Family = Family::counter(
    "host_pressure_cpu_waiting_seconds_total",
    &[],
    "Time in which at least one task of the host waited for a CPU, in seconds; absent without PSI in the kernel",
);
pub(super) const CPU: Family = Family::counter(
    "host_cpu_seconds_total",
    &["mode"],
    "CPU time of the host by mode, in seconds; `steal` is time that the hypervisor gave to others",
);
pub(super) const CPUS: Family = Family::gauge("host_cpus", &[], "CPUs that this process may use");

pub(super) const FAMILIES: &[&Family] = &[&CPU_PRESSURE, &CPU, &CPUS];

/// The families of the host.
#[derive(Debug)]
pub struct HostFamilies;

impl HostFamilies {
    /// Registers them. Only one daemon of a host needs to.
    pub fn register(registry: &mut Registry) {
        registry.register_collector(Box::new(HostFamilies));
    }
}

impl Collector for HostFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let e = &mut encoder;
        if let Ok(pressure) = CpuPressure::current() {
            CPU_PRESSURE.encode_one(e, pressure.some.total as f64 / 1e6)?;
        }
        let steal = stolen_ticks();
        if let Some(steal) = steal {
            let seconds = steal as f64 / procfs::ticks_per_second() as f64;
            CPU.encode(e, |series| series.number(&["steal"], seconds))?;
        }
        match *USABLE_CPUS {
            Some(cpus) => CPUS.encode_one(e, cpus.get() as f64),
            None => Ok(()),
        }
    }
}
/// Read once, because the standard library reads the control groups' files for it.
static USABLE_CPUS: LazyLock<Option<NonZero<usize>>> = LazyLock::new(|| available_parallelism().ok());

/// The field `steal` of the first line of `/proc/stat`: the sum of all CPUs. The lines after it are long, and are not read.
fn stolen_ticks() -> Option<u64> {
    let mut line = String::new();
    BufReader::with_capacity(256, File::open("/proc/stat").ok()?).read_line(&mut line).ok()?;
    line.split_whitespace().nth(8)?.parse().ok()
}
