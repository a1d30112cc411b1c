//! What the way to the nodes adds to an operation without a fault: the times of reads at both addresses of the nodes. Pure.

use serde::Serialize;

use crate::prometheus::Series;
use crate::text::format_seconds;
use crate::verdict::report::quantile::Quantile;

/// Fewer reads give no p99.
const MIN_READS: f64 = 100.0;
/// From this share of its CPUs on, Toxiproxy delays operations.
const CPU_LIMIT: f64 = 0.8;

/// Times of reads at one address, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Times {
    #[serde(rename = "p50_seconds")]
    pub(crate) p50: Quantile,
    #[serde(rename = "p99_seconds")]
    pub(crate) p99: Quantile,
}

/// Times through the proxies and past them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Way {
    pub(crate) through: Times,
    pub(crate) past: Times,
}

impl Way {
    /// From the buckets by `address` and `le`. `None` if there are too few reads. `longest` is the longest possible time.
    pub(crate) fn from_buckets(buckets: &[Series], longest: f64) -> Option<Way> {
        let times = |address: &str| {
            let of: Vec<&Series> =
                buckets.iter().filter(|series| series.label("address") == address).collect();
            let total = of.iter().find(|series| series.label("le") == "+Inf")?.points.last()?.1;
            let quantile = |share| Quantile::from_buckets(&of, share, longest);
            (total >= MIN_READS).then(|| Some(Times { p50: quantile(0.5)?, p99: quantile(0.99)? }))?
        };
        Some(Way { through: times("dial")?, past: times("upstream")? })
    }

    /// Whether most of the slowest times come from the way.
    fn has_the_tail(self) -> bool {
        self.through.p99.seconds() > 2.0 * self.past.p99.seconds()
    }

    /// In one line.
    pub(crate) fn describe(self) -> String {
        let added = |of: fn(Times) -> Quantile| {
            format_seconds((of(self.through).seconds() - of(self.past).seconds()).max(0.0))
        };
        let mut text = format!(
            "the way through the proxies adds {} to p50 and {} to p99 without a fault",
            added(|times| times.p50),
            added(|times| times.p99)
        );
        if self.has_the_tail() {
            text.push_str(&format!(
                "; past the proxies p99 is {}, so most of the p99 before the fault is not the client's",
                self.past.p99.format()
            ));
        }
        text
    }
}

/// The line about the way, if it was measured or not.
pub(crate) fn describe(way: Option<Way>) -> String {
    way.map_or_else(|| "what the way through the proxies adds: not measured".to_owned(), Way::describe)
}

/// The load of Toxiproxy at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ProxyLoad {
    /// Operations per second that the load has to send. 0 in a closed loop.
    pub(crate) target_rate: Option<f64>,
    /// Operations per second that ended.
    pub(crate) rate: Option<f64>,
    /// CPUs that Toxiproxy uses, and that it may use.
    pub(crate) used: Option<f64>,
    pub(crate) cpus: Option<f64>,
}

impl ProxyLoad {
    /// Why this load is more than the way carries, if it is.
    pub(crate) fn warning(self) -> Option<String> {
        let (rate, used, cpus) = (self.rate?, self.used?, self.cpus?);
        if rate <= 0.0 || cpus <= 0.0 {
            return None;
        }
        // A closed loop sends what it gets answers for.
        let target = self.target_rate.filter(|target| *target > 0.0).unwrap_or(rate);
        let share = used / rate * target / cpus;
        (share > CPU_LIMIT).then(|| {
            format!(
                "warning: at {target:.0} operations per second, toxiproxy needs {:.0}% of the CPUs that it may use; \
                 `rate` in the lab file must be at most {:.0}",
                share * 100.0,
                target * CPU_LIMIT / share
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(address: &str, counts: &[(&str, f64)]) -> Vec<Series> {
        let series = |(le, count): &(&str, f64)| Series {
            labels: [("address", address), ("le", *le)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            points: vec![(1.0, *count)],
        };
        counts.iter().map(series).collect()
    }

    fn way(through: &[(&str, f64)], past: &[(&str, f64)]) -> Option<Way> {
        Way::from_buckets(&[buckets("dial", through), buckets("upstream", past)].concat(), 60.0)
    }

    #[test]
    fn the_difference_of_both_addresses_is_what_the_way_adds() {
        let past = [("0.0001", 100.0), ("0.001", 200.0), ("+Inf", 200.0)];
        let slow =
            way(&[("0.0001", 0.0), ("0.001", 190.0), ("0.01", 200.0), ("+Inf", 200.0)], &past).unwrap();
        assert_eq!(
            slow.describe(),
            "the way through the proxies adds 0.47 ms to p50 and 7.22 ms to p99 without a fault; past the proxies p99 is \
             0.98 ms, so most of the p99 before the fault is not the client's"
        );
        assert_eq!(
            way(&past, &past).unwrap().describe(),
            "the way through the proxies adds 0 s to p50 and 0 s to p99 without a fault"
        );
    }

    #[test]
    fn too_few_reads_and_one_address_are_not_measured() {
        let few = [("0.001", 50.0), ("+Inf", 50.0)];
        let many = [("0.001", 500.0), ("+Inf", 500.0)];
        assert_eq!((way(&few, &many), way(&many, &[])), (None, None));
        assert_eq!(describe(None), "what the way through the proxies adds: not measured");
    }

    #[test]
    fn a_rate_beyond_the_cpus_of_toxiproxy_is_named_before_a_run() {
        let load = |target, used| ProxyLoad {
            target_rate: Some(target),
            rate: Some(3_000.0),
            used: Some(used),
            cpus: Some(2.0),
        };
        assert_eq!(load(3_000.0, 0.28).warning(), None);
        assert_eq!(
            load(18_000.0, 0.28).warning().unwrap(),
            "warning: at 18000 operations per second, toxiproxy needs 84% of the CPUs that it may use; `rate` in the lab \
             file must be at most 17143"
        );
        assert!(load(0.0, 1.7).warning().is_some());
        assert_eq!(ProxyLoad::default().warning(), None);
    }
}
