//! The families about Toxiproxy: active faults and their parameters, toxics that should be gone, and requests to its API.
//! The scenario daemon decides about faults; this file only shows them.

use std::fmt::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use crate::cells::{Edges, HistogramCells, MergedHistogram, SingleWriterCounter};
use crate::family::Family;
use crate::labels::{ApiMethod, FaultType};
use crate::locked::Locked;

/// Whether a fault is active.
pub const ACTIVE: Family =
    Family::gauge("toxiproxy_toxic_active", &["server", "type"], "1 while the fault is active, else 0");
const CONFIG: Family = Family::gauge(
    "toxiproxy_toxic_config",
    &["server", "type", "param"],
    "Parameters of the fault while it is active, each in the unit at the end of its name; 0 while it is not",
);
const ACTIVATIONS: Family = Family::counter(
    "toxiproxy_toxic_activations_total",
    &["server", "type"],
    "Times that the fault was activated",
);
const ACTIVE_SECONDS: Family = Family::counter(
    "toxiproxy_toxic_active_seconds_total",
    &["server", "type"],
    "Time that the fault was active, in seconds",
);
const RESIDUAL: Family = Family::gauge(
    "toxiproxy_residual_toxics",
    &[],
    "Toxics of this lab that should be gone and still exist, as last read from Toxiproxy; the guard has no series while it does not know",
);
const API_ERRORS: Family =
    Family::counter("toxiproxy_api_errors_total", &["method"], "Failed requests to the Toxiproxy API");
const API_DURATION: Family = Family::histogram(
    "toxiproxy_api_request_duration_seconds",
    &["method"],
    "Duration of a request to the Toxiproxy API, in seconds",
);

pub(super) const FAMILIES: &[&Family] =
    &[&ACTIVE, &CONFIG, &ACTIVATIONS, &ACTIVE_SECONDS, &RESIDUAL, &API_ERRORS, &API_DURATION];

/// A fault that the running command may activate. Its series exist at 0 from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFault {
    /// The node that it affects.
    pub server: String,
    /// Its type.
    pub fault: FaultType,
    /// The names of its parameters, each with its unit at the end.
    pub params: Vec<&'static str>,
}

/// The Toxiproxy families.
#[derive(Debug)]
pub struct ToxiproxyFamilies {
    state: Locked<State>,
    edges: Edges,
    scope: Scope,
}

/// Which of the families a daemon exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    /// Only the residual toxics and the requests to the API.
    Hygiene,
}

#[derive(Debug)]
struct State {
    faults: Vec<Fault>,
    /// `None`: not known.
    residual: Option<usize>,
    errors: [SingleWriterCounter; ApiMethod::COUNT],
    durations: [HistogramCells; ApiMethod::COUNT],
}

#[derive(Clone, Debug)]
struct Fault {
    server: String,
    fault: FaultType,
    params: Vec<(&'static str, f64)>,
    on_since: Option<Instant>,
    activations: u64,
    /// Total time of the activations that have ended.
    active: Duration,
}

impl ToxiproxyFamilies {
    /// Registers the families with every known fault inactive.
    pub fn register(registry: &mut Registry, known: &[KnownFault]) -> Arc<ToxiproxyFamilies> {
        ToxiproxyFamilies::register_scope(registry, known, Scope::All)
    }

    /// Registers the families of a daemon that activates no faults.
    pub fn register_hygiene(registry: &mut Registry) -> Arc<ToxiproxyFamilies> {
        ToxiproxyFamilies::register_scope(registry, &[], Scope::Hygiene)
    }

    fn register_scope(registry: &mut Registry, known: &[KnownFault], scope: Scope) -> Arc<ToxiproxyFamilies> {
        let edges = Edges::latency(&[]);
        let mut state = State {
            faults: Vec::new(),
            // A daemon that adds toxics has added none yet. One that only cleans up has to read Toxiproxy first.
            residual: (scope == Scope::All).then_some(0),
            errors: Default::default(),
            durations: ApiMethod::ALL.map(|_| HistogramCells::new(&edges)),
        };
        for fault in known {
            let known = state.fault(&fault.server, fault.fault);
            for param in &fault.params {
                set_param(&mut known.params, param, 0.0);
            }
        }
        let families = Arc::new(ToxiproxyFamilies { state: Locked::new(state), edges, scope });
        registry.register_collector(Box::new(Arc::clone(&families)));
        families
    }

    /// The fault is active: its toxics were read back.
    pub fn activated(&self, server: &str, fault: FaultType, params: &[(&'static str, f64)], at: Instant) {
        let mut state = self.state.lock();
        let fault = state.fault(server, fault);
        if fault.on_since.is_none() {
            fault.activations += 1;
            fault.on_since = Some(at);
        }
        for (param, value) in params {
            set_param(&mut fault.params, param, *value);
        }
    }

    /// The fault is no longer active: its toxics were read back as gone.
    pub fn deactivated(&self, server: &str, fault: FaultType, at: Instant) {
        let mut state = self.state.lock();
        let fault = state.fault(server, fault);
        if let Some(since) = fault.on_since.take() {
            fault.active += at.saturating_duration_since(since);
        }
    }

    /// Sets how many toxics of this lab should be gone and still exist.
    pub fn set_residual(&self, toxics: usize) {
        self.state.lock().residual = Some(toxics);
    }

    /// Toxiproxy cannot be read. A count of 0 is no longer known to be true. A larger count stays, because nothing shows that
    /// the toxics are gone.
    pub fn residual_unseen(&self) {
        let mut state = self.state.lock();
        state.residual = state.residual.filter(|toxics| *toxics > 0);
    }

    /// A request to the API ended.
    pub fn api_call(&self, method: ApiMethod, took: Duration, ok: bool) {
        let state = self.state.lock();
        state.durations[method.index()].observe(&self.edges, took);
        if !ok {
            state.errors[method.index()].inc();
        }
    }
}

impl State {
    fn fault(&mut self, server: &str, fault: FaultType) -> &mut Fault {
        let at =
            self.faults.iter().position(|f| f.server == server && f.fault == fault).unwrap_or_else(|| {
                self.faults.push(Fault {
                    server: server.to_owned(),
                    fault,
                    params: Vec::new(),
                    on_since: None,
                    activations: 0,
                    active: Duration::ZERO,
                });
                self.faults.len() - 1
            });
        &mut self.faults[at]
    }
}

fn set_param(params: &mut Vec<(&'static str, f64)>, param: &'static str, value: f64) {
    match params.iter_mut().find(|(name, _)| *name == param) {
        Some((_, old)) => *old = value,
        None => params.push((param, value)),
    }
}

impl Collector for ToxiproxyFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let state = self.state.lock();
        let now = Instant::now();
        let e = &mut encoder;
        if self.scope == Scope::All {
            encode_faults(e, &state.faults, now)?;
        }
        RESIDUAL
            .encode(e, |series| state.residual.map_or(Ok(()), |toxics| series.number(&[], toxics as f64)))?;
        API_ERRORS.encode(e, |series| {
            ApiMethod::ALL.iter().try_for_each(|m| series.count(&[m.as_str()], state.errors[m.index()].get()))
        })?;
        API_DURATION.encode(e, |series| {
            ApiMethod::ALL.iter().try_for_each(|m| {
                let merged = MergedHistogram::sum(&self.edges, [&state.durations[m.index()]].into_iter());
                series.histogram(&[m.as_str()], merged.sum, &merged.buckets)
            })
        })
    }
}

fn encode_faults(e: &mut DescriptorEncoder<'_>, faults: &[Fault], now: Instant) -> Result<(), Error> {
    ACTIVE.encode(e, |series| {
        faults.iter().try_for_each(|f| {
            series.number(&[&f.server, f.fault.as_str()], if f.on_since.is_some() { 1.0 } else { 0.0 })
        })
    })?;
    CONFIG.encode(e, |series| {
        faults.iter().try_for_each(|f| {
            f.params.iter().try_for_each(|(param, value)| {
                let value = if f.on_since.is_some() { *value } else { 0.0 };
                series.number(&[&f.server, f.fault.as_str(), param], value)
            })
        })
    })?;
    ACTIVATIONS.encode(e, |series| {
        faults.iter().try_for_each(|f| series.count(&[&f.server, f.fault.as_str()], f.activations))
    })?;
    ACTIVE_SECONDS.encode(e, |series| {
        faults.iter().try_for_each(|f| {
            let running = f.on_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            series.number(&[&f.server, f.fault.as_str()], (f.active + running).as_secs_f64())
        })
    })
}
