//! PromQL for `scenariod`: what the lab's own processes lacked, as shares of the time, and which figures a shortage changes.
//! Metric names are written nowhere outside this folder. What a shortage excuses is decided in `scenariod`.

use super::client::{
    BREAKER_CHANGED, BREAKER_STATE, BREAKER_TRANSITIONS, CORRUPT, ERRORS, LAST_ERROR, OPERATIONS, STALLED,
    TARGET_RATE,
};
use super::node::{PROBE, PROBE_STALLED, SYSTEM_CPU, THREADS, UPTIME, USER_CPU};
use super::process::WAITING;
use super::scenario::ACTIVE;
use super::{host, process};

/// A cause of a shortage, or a figure that explains one. The word is the label `part` of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The threads of loadgen waited for a CPU.
    LoadgenWaits,
    /// The load threads of loadgen stood still.
    LoadgenStalled,
    /// The threads of scenariod waited for a CPU.
    ScenariodWaits,
    /// The proxy of a node without a fault was slow.
    ProxySlow,
    /// A node was slow at its own address.
    NodeSlow,
    /// Toxiproxy used the CPUs that it may use.
    ToxiproxyCpu,
    /// A node used the CPUs that it may use.
    NodeCpu,
    /// Explains: tasks of the host waited for a CPU.
    Pressure,
    /// Explains: the hypervisor gave CPU time to others.
    Steal,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 9] = [
        Part::LoadgenWaits,
        Part::LoadgenStalled,
        Part::ScenariodWaits,
        Part::ProxySlow,
        Part::NodeSlow,
        Part::ToxiproxyCpu,
        Part::NodeCpu,
        Part::Pressure,
        Part::Steal,
    ];

    /// The value of the label `part`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Part::LoadgenWaits => "loadgen_waits",
            Part::LoadgenStalled => "loadgen_stalled",
            Part::ScenariodWaits => "scenariod_waits",
            Part::ProxySlow => "proxy_slow",
            Part::NodeSlow => "node_slow",
            Part::ToxiproxyCpu => "toxiproxy_cpu",
            Part::NodeCpu => "node_cpu",
            Part::Pressure => "pressure",
            Part::Steal => "steal",
        }
    }

    /// The share of the time, from 0 to 1. `healthy` is a pattern of the nodes without a fault.
    fn query(self, window: &str, healthy: &str) -> String {
        let rate = |name: &str, labels: &str| format!("rate({name}{{{labels}}}[{window}])");
        match self {
            Part::LoadgenWaits => format!("max({})", per_load_thread(&rate(WAITING.name, LOADGEN))),
            Part::LoadgenStalled => {
                format!("max({})", per_load_thread(&rate(STALLED.name, LOADGEN)))
            }
            Part::ScenariodWaits => format!("max({})", rate(WAITING.name, "job=\"scenariod\"")),
            Part::ProxySlow => {
                let labels = format!("{LOADGEN},address=\"dial\",server=~\"{healthy}\"");
                format!("max({})", rate(PROBE_STALLED.name, &labels))
            }
            Part::NodeSlow => {
                let labels = format!("{LOADGEN},address=\"upstream\"");
                format!("max({})", rate(PROBE_STALLED.name, &labels))
            }
            Part::ToxiproxyCpu => {
                format!("max({} / go_sched_gomaxprocs_threads)", rate(process::CPU.name, TOXIPROXY))
            }
            Part::NodeCpu => {
                let (user, system) = (rate(USER_CPU.name, LOADGEN), rate(SYSTEM_CPU.name, LOADGEN));
                let cpus = format!("scalar(min({}{{{LOADGEN}}}))", host::CPUS.name);
                format!("max(({user} + {system}) / clamp_max({}{{{LOADGEN}}}, {cpus}))", THREADS.name)
            }
            Part::Pressure => format!("max({})", rate(host::CPU_PRESSURE.name, LOADGEN)),
            Part::Steal => {
                let steal = rate(host::CPU.name, &format!("{LOADGEN},mode=\"steal\""));
                format!("max({steal} / ignoring(mode) {}{{{LOADGEN}}})", host::CPUS.name)
            }
        }
    }
}

const LOADGEN: &str = "job=\"loadgen\"";
const TOXIPROXY: &str = "job=\"toxiproxy\"";

/// Divides a sum over the threads of loadgen by the number of its load threads.
fn per_load_thread(sum: &str) -> String {
    format!("{sum} / ignoring(runtime) tokio_workers{{{LOADGEN},runtime=\"load\"}}")
}

/// What each part lacked over `window`: one series per `part`. Parts that were not measured are absent.
pub fn shortages(window: &str, healthy: &str) -> String {
    Part::ALL
        .map(|part| {
            let share = format!("clamp_max({}, 1)", part.query(window, healthy));
            format!("label_replace({share}, \"part\", \"{}\", \"\", \"\")", part.as_str())
        })
        .join(" or ")
}

/// Times since the nodes started: every sample of `window`, by `server`.
pub fn uptimes(window: &str) -> String {
    format!("{}{{{LOADGEN}}}[{window}]", UPTIME.name)
}

/// The number of probes by `address` and `le`, the upper edge of their times, for the nodes that a pattern matches.
pub fn probe_buckets(window: &str, servers: &str) -> String {
    let series = format!("{}_bucket{{{LOADGEN},server=~\"{servers}\"}}", PROBE.name);
    format!("sum by (address, le) ({series}) - sum by (address, le) ({series} offset {window})")
}

/// As [`probe_buckets`], for all nodes. Empty if a scenario ran in `window`, because its faults are in the times.
pub fn probe_buckets_without_scenario(window: &str) -> String {
    let ran = format!("max(max_over_time({}[{window}])) > 0", ACTIVE.name);
    format!("({}) unless on() ({ran})", probe_buckets(window, ".*"))
}

/// Operations per second that the open loop has to send. 0 in a closed loop.
pub fn target_rate() -> String {
    format!("sum({}{{{LOADGEN}}})", TARGET_RATE.name)
}

/// Operations per second that ended over `window`.
pub fn operation_rate(window: &str) -> String {
    format!("sum(rate({}{{{LOADGEN}}}[{window}]))", OPERATIONS.name)
}

/// CPUs that Toxiproxy used over `window`.
pub fn toxiproxy_cpu(window: &str) -> String {
    format!("max(rate({}{{{TOXIPROXY}}}[{window}]))", process::CPU.name)
}

/// CPUs that Toxiproxy may use.
pub fn toxiproxy_cpus() -> String {
    format!("max(go_sched_gomaxprocs_threads{{{TOXIPROXY}}})")
}

/// What a metric counts, as far as it decides how a shortage changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Wrong values. No shortage makes one.
    WrongValue,
    /// A state or the time of an event. One late operation can change it.
    State,
    /// A number of operations or a time.
    Amount,
}

/// The nature of a metric, by its name.
pub fn nature(name: &str) -> Nature {
    let is = |families: &[&str]| families.contains(&name);
    if is(&[CORRUPT.name]) {
        Nature::WrongValue
    } else if is(&[
        BREAKER_STATE.name,
        BREAKER_TRANSITIONS.name,
        BREAKER_CHANGED.name,
        LAST_ERROR.name,
        ERRORS.name,
    ]) {
        Nature::State
    } else {
        Nature::Amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_own_word_and_is_in_the_query() {
        let query = shortages("5s", "a|b");
        for part in Part::ALL {
            assert_eq!(query.matches(&format!("\"part\", \"{}\"", part.as_str())).count(), 1, "{part:?}");
        }
        assert!(query.contains("server=~\"a|b\""), "{query}");
    }

    #[test]
    fn a_wrong_value_is_not_an_amount() {
        assert_eq!(nature("memcache_corrupt_reads_total"), Nature::WrongValue);
        assert_eq!(nature("memcache_circuit_breaker_state"), Nature::State);
        assert_eq!(nature("memcache_operations_total"), Nature::Amount);
    }
}
