//! A workload file: its keys and the checked values. `config` decides which file is read and what the command line
//! overrides.

mod raw;

use daemon_core::name;
use daemon_core::problems::{Problem, Problems};
use daemon_core::values::Positive;
use daemon_core::yaml::Document;

use crate::keys::KeySpace;
use crate::payload::{Sizes, Ttl, Ttls, WeightedSizes};
use crate::popularity::Popularity;
use crate::profile::{LoadProfile, Ramp, Rate};
use crate::workload::Weights;
use crate::zipf::{MAX_RANKS, Zipf};

const DEFAULT_KEYS: u64 = 10_000;
/// With fewer keys, all of them are hot by default.
const DEFAULT_HOT_KEYS: u64 = 10;
/// Bytes.
const DEFAULT_SIZE: usize = 100;

/// A valid workload.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct UserWorkload {
    pub(crate) name: String,
    /// Percent.
    pub(crate) weights: Weights,
    pub(crate) popularity: Popularity,
    pub(crate) sizes: Sizes,
    pub(crate) ttls: Ttls,
    /// `None`: a closed loop.
    pub(crate) load: Option<LoadProfile>,
    /// The number of keys stored before the load starts, most popular first.
    pub(crate) warm_up: u64,
}

impl UserWorkload {
    /// The workload of a file, or all problems of the file.
    pub(crate) fn read(document: &Document) -> Result<Self, Problems> {
        let raw: raw::Workload = document.decode()?;
        let mut checker = Checker { document, problems: Problems::default() };
        let keys = raw.keys.unwrap_or(DEFAULT_KEYS);
        let workload = Self {
            weights: checker.weights(&raw.weights),
            popularity: checker.popularity(&raw, keys),
            sizes: raw.value_size.as_ref().map_or(Sizes::Fixed(DEFAULT_SIZE), |sizes| checker.sizes(sizes)),
            ttls: raw.ttl.as_ref().map_or(Ttls::Forever, |ttls| checker.ttls(ttls)),
            load: raw.load.as_ref().and_then(|load| checker.load(load)),
            warm_up: raw.warm_up.unwrap_or(keys),
            name: raw.name,
        };
        if let Err(error) = name::check("workload", &workload.name) {
            checker.report("name", error.to_string());
        }
        if workload.warm_up > keys {
            checker.report(
                "warm_up",
                format!("`warm_up` is {}, must be at most the number of keys, {keys}", workload.warm_up),
            );
        }
        checker.problems.or(workload)
    }
}

/// Collects problems that the schema cannot find. An invalid value is replaced by any valid one, which is never used.
struct Checker<'d> {
    document: &'d Document,
    problems: Problems,
}

impl Checker<'_> {
    fn report(&mut self, path: &str, message: impl Into<String>) {
        let problem: Problem = self.document.problem(path, message);
        self.problems.extend(problem.into());
    }

    fn weights(&mut self, raw: &raw::Weights) -> Weights {
        let raw::Weights { get, set, delete, increment } = *raw;
        let sum = get + set + delete + increment;
        if sum != 100 {
            self.report("weights", format!("the sum of `weights` is {sum}, must be 100"));
        }
        Weights { get, set, delete, increment }
    }

    fn popularity(&mut self, raw: &raw::Workload, keys: u64) -> Popularity {
        let hot_keys = raw.hot_keys.unwrap_or(DEFAULT_HOT_KEYS.min(keys));
        if hot_keys > keys {
            self.report(
                "hot_keys",
                format!("`hot_keys` is {hot_keys}, must be at most the number of keys, {keys}"),
            );
        }
        let hot = Popularity::Hot(KeySpace { keys, hot_keys });
        let Some(exponent) = raw.zipf else { return hot };
        if raw.hot_keys.is_some() {
            self.report("zipf", "`zipf` and `hot_keys` cannot both be set");
        }
        if keys > MAX_RANKS {
            self.report("keys", format!("`keys` is {keys}, must be at most {MAX_RANKS} with `zipf`"));
        }
        Zipf::new(keys, exponent).map_or(hot, Popularity::Zipf)
    }

    fn sizes(&mut self, raw: &raw::Sizes) -> Sizes {
        match raw {
            raw::Sizes::Fixed(size) => Sizes::Fixed(size.bytes()),
            raw::Sizes::Range(raw::SizeRange { min, max }) => {
                let (min, max) = (min.bytes(), max.bytes());
                if min > max {
                    self.report(
                        "value_size/max",
                        format!("`max` is {max}, must be at least `min`, which is {min}"),
                    );
                }
                Sizes::Range { min, max }
            }
            raw::Sizes::Weighted(entries) => {
                let sizes =
                    WeightedSizes::new(entries.iter().map(|entry| (entry.size.bytes(), entry.weight)));
                if sizes.is_none() {
                    self.report("value_size", "`value_size` must not be empty");
                }
                sizes.map_or(Sizes::Fixed(DEFAULT_SIZE), Sizes::Weighted)
            }
        }
    }

    fn ttls(&mut self, raw: &raw::Ttls) -> Ttls {
        match raw {
            raw::Ttls::Fixed(ttl) => self.ttl("ttl", *ttl).map_or(Ttls::Forever, Ttls::Fixed),
            raw::Ttls::Range(raw::TtlRange { min, max }) => {
                let bounds = (self.ttl("ttl/min", *min), self.ttl("ttl/max", *max));
                let (Some(low), Some(high)) = bounds else { return Ttls::Forever };
                if low > high {
                    let (min, max) = (self.written("ttl/min", *min), self.written("ttl/max", *max));
                    self.report("ttl/max", format!("`max` is {max}, must be at least `min`, which is {min}"));
                }
                Ttls::Range { min: low, max: high }
            }
        }
    }

    fn ttl(&mut self, path: &str, ttl: Positive) -> Option<Ttl> {
        let key = path.rsplit('/').next().unwrap_or(path);
        let written = self.written(path, ttl);
        Ttl::new(ttl.get()).map_err(|rule| self.report(path, format!("`{key}` is {written}, {rule}"))).ok()
    }

    /// A duration as the file has it.
    fn written(&self, path: &str, duration: Positive) -> String {
        self.document.written(path).unwrap_or_else(|| duration.to_string())
    }

    fn load(&mut self, raw: &raw::Load) -> Option<LoadProfile> {
        match raw {
            raw::Load::Constant(raw::Constant { rate }) => Rate::new(rate.0).map(LoadProfile::Constant),
            raw::Load::Ramp(raw::Ramp { from, to, over }) => {
                let ramp = Ramp::new(Rate::new(from.0)?, Rate::new(to.0)?, over.get());
                if ramp.is_none() {
                    let over = self.written("load/over", *over);
                    self.report("load/over", format!("`over` is {over}, must be at most 24h"));
                }
                ramp.map(LoadProfile::Ramp)
            }
        }
    }
}

#[cfg(test)]
mod tests;
