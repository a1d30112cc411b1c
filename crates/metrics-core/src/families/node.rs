//! The families of the nodes, read at their own addresses: memcached's statistics under the names of memcached_exporter, and
//! the times of probes at both addresses of a node. The caller reads the nodes and reports what it read.

use std::fmt::Error;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::client::STALL;
use crate::cells::{Edges, HistogramCells, MergedHistogram, SingleWriterCounter, whole_nanos};
use crate::family::Family;
use crate::labels::Address;
use crate::locked::Locked;

const UP: Family = Family::gauge(
    "memcached_up",
    &["server"],
    "Whether the node answered `stats` at its own address, 0 or 1",
);
/// Time since the node started.
pub(super) const UPTIME: Family =
    Family::gauge("memcached_uptime_seconds", &["server"], "Time since the node started, in seconds");
pub(super) const USER_CPU: Family = Family::counter(
    "memcached_process_user_cpu_seconds_total",
    &["server"],
    "User CPU time of the node, in seconds",
);
pub(super) const SYSTEM_CPU: Family = Family::counter(
    "memcached_process_system_cpu_seconds_total",
    &["server"],
    "System CPU time of the node, in seconds",
);
pub(super) const THREADS: Family =
    Family::gauge("memcached_threads", &["server"], "Worker threads of the node");
const CONNECTIONS: Family =
    Family::gauge("memcached_current_connections", &["server"], "Open connections of the node");
const CONNECTIONS_MADE: Family =
    Family::counter("memcached_connections_total", &["server"], "Connections opened to the node");
const MAX_CONNECTIONS: Family =
    Family::gauge("memcached_max_connections", &["server"], "Limit on open connections of the node");
const REJECTED: Family = Family::counter(
    "memcached_connections_rejected_total",
    &["server"],
    "Connections that the node rejected",
);
const EVICTED: Family =
    Family::counter("memcached_items_evicted_total", &["server"], "Items removed to make room for new ones");
const BYTES: Family = Family::gauge("memcached_current_bytes", &["server"], "Memory used by items, in bytes");
const LIMIT: Family = Family::gauge("memcached_limit_bytes", &["server"], "Memory limit for items, in bytes");
/// Times of the probes.
pub(super) const PROBE: Family = Family::histogram(
    "memcache_probe_duration_seconds",
    &["server", "address"],
    "Time of a read sent in turn to both addresses of a node in the lab file, including failed reads, in seconds",
);

/// The part of these times that can fail an operation.
pub(super) const PROBE_STALLED: Family = Family::counter(
    "memcache_probe_stalled_seconds_total",
    &["server", "address"],
    "Time that those reads took if they took 50 ms or more, in seconds",
);

pub(super) const FAMILIES: &[&Family] = &[
    &PROBE_STALLED,
    &UP,
    &UPTIME,
    &USER_CPU,
    &SYSTEM_CPU,
    &THREADS,
    &CONNECTIONS,
    &CONNECTIONS_MADE,
    &MAX_CONNECTIONS,
    &REJECTED,
    &EVICTED,
    &BYTES,
    &LIMIT,
    &PROBE,
];

/// One reading of a node. A figure that the node does not report is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the families above say what they are")]
pub struct NodeReading {
    pub uptime: Option<f64>,
    pub user_cpu: Option<f64>,
    pub system_cpu: Option<f64>,
    pub threads: Option<f64>,
    pub connections: Option<f64>,
    pub connections_made: Option<f64>,
    pub max_connections: Option<f64>,
    pub rejected: Option<f64>,
    pub evicted: Option<f64>,
    pub bytes: Option<f64>,
    pub limit: Option<f64>,
}

/// Takes one figure out of a reading.
type Figure = fn(&NodeReading) -> Option<f64>;

/// The nodes whose own address is known.
#[derive(Debug)]
pub struct NodeFamilies {
    servers: Vec<String>,
    readings: Locked<Vec<Option<NodeReading>>>,
    edges: Edges,
    /// By node, then by [`Address::index`].
    probes: Vec<[ProbeCells; Address::COUNT]>,
}

#[derive(Debug)]
struct ProbeCells {
    times: HistogramCells,
    /// Nanoseconds.
    stalled: SingleWriterCounter,
}

impl ProbeCells {
    fn new(edges: &Edges) -> ProbeCells {
        ProbeCells { times: HistogramCells::new(edges), stalled: SingleWriterCounter::default() }
    }
}

impl NodeFamilies {
    /// Registers the families. Until the first reading, each node counts as down.
    pub fn register(registry: &mut Registry, servers: &[String], timeouts: &[Duration]) -> Arc<NodeFamilies> {
        let edges = Edges::latency(timeouts);
        let families = Arc::new(NodeFamilies {
            servers: servers.to_vec(),
            readings: Locked::new(vec![None; servers.len()]),
            probes: servers.iter().map(|_| Address::ALL.map(|_| ProbeCells::new(&edges))).collect(),
            edges,
        });
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// Sets the last reading of the node with this index. `None`: it did not answer.
    pub fn set(&self, server: usize, reading: Option<NodeReading>) {
        if let Some(last) = self.readings.lock().get_mut(server) {
            *last = reading;
        }
    }

    /// A probe of the node with this index ended. Only one thread may report the probes of a node.
    pub fn probed(&self, server: usize, address: Address, took: Duration) {
        if let Some(cells) = self.probes.get(server) {
            let cells = &cells[address.index()];
            cells.times.observe(&self.edges, took);
            if took >= STALL {
                cells.stalled.add(whole_nanos(took));
            }
        }
    }
}

impl Collector for NodeFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let e = &mut encoder;
        let readings = self.readings.lock().clone();
        let nodes = || self.servers.iter().zip(&readings);
        UP.encode(e, |series| {
            nodes().try_for_each(|(name, read)| series.number(&[name], f64::from(u8::from(read.is_some()))))
        })?;
        let figures: [(&Family, Figure); 11] = [
            (&UPTIME, |read| read.uptime),
            (&USER_CPU, |read| read.user_cpu),
            (&SYSTEM_CPU, |read| read.system_cpu),
            (&THREADS, |read| read.threads),
            (&CONNECTIONS, |read| read.connections),
            (&CONNECTIONS_MADE, |read| read.connections_made),
            (&MAX_CONNECTIONS, |read| read.max_connections),
            (&REJECTED, |read| read.rejected),
            (&EVICTED, |read| read.evicted),
            (&BYTES, |read| read.bytes),
            (&LIMIT, |read| read.limit),
        ];
        for (family, figure) in figures {
            family.encode(e, |series| {
                let known = nodes().filter_map(|(name, read)| Some((name, figure(read.as_ref()?)?)));
                known.into_iter().try_for_each(|(name, value)| series.number(&[name], value))
            })?;
        }
        PROBE.encode(e, |series| {
            for (name, probes) in self.servers.iter().zip(&self.probes) {
                for address in Address::ALL {
                    let cells = &probes[address.index()].times;
                    let merged = MergedHistogram::sum(&self.edges, [cells].into_iter());
                    series.histogram(&[name, address.as_str()], merged.sum, &merged.buckets)?;
                }
            }
            Ok(())
        })?;
        PROBE_STALLED.encode(e, |series| {
            for (name, probes) in self.servers.iter().zip(&self.probes) {
                for address in Address::ALL {
                    let stalled = probes[address.index()].stalled.get();
                    series.number(&[name, address.as_str()], stalled as f64 / 1e9)?;
                }
            }
            Ok(())
        })
    }
}
