//! Quantiles from histogram buckets. Pure.
//!
//! Within a bucket the quantile is interpolated, as Prometheus does. The last bucket has no upper edge to interpolate to, and
//! a result longer than the phase is impossible. In both cases only the lower edge of the bucket is known.

use serde::{Serialize, Serializer};

use crate::prometheus::Series;
use crate::text::format_seconds;

/// A quantile of operation times, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Quantile {
    /// Interpolated within a bucket.
    Estimate(f64),
    LowerBound(f64),
}

impl Quantile {
    /// `buckets` are the cumulative buckets of one node, by `le`. `longest` is the longest possible operation, in seconds.
    /// `None` without operations.
    pub(crate) fn from_buckets(buckets: &[&Series], quantile: f64, longest: f64) -> Option<Quantile> {
        let edge = |series: &&Series| -> Option<(f64, f64)> {
            let upper = match series.label("le") {
                "+Inf" => f64::INFINITY,
                upper => upper.parse().ok()?,
            };
            Some((upper, series.points.last()?.1)).filter(|(_, count)| count.is_finite())
        };
        let mut edges: Vec<(f64, f64)> = buckets.iter().filter_map(edge).collect();
        edges.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (_, total) = *edges.last().filter(|(upper, count)| upper.is_infinite() && *count > 0.0)?;
        let rank = quantile * total;
        let at = edges.iter().position(|(_, count)| *count >= rank)?;
        let (upper, count) = *edges.get(at)?;
        let (lower, below) = at.checked_sub(1).and_then(|at| edges.get(at)).copied().unwrap_or_default();
        let inner = lower + (upper - lower) * (rank - below) / (count - below);
        Some(if inner <= longest { Quantile::Estimate(inner) } else { Quantile::LowerBound(lower) })
    }

    pub(crate) fn is_bound(self) -> bool {
        matches!(self, Quantile::LowerBound(_))
    }

    pub(crate) fn seconds(self) -> f64 {
        match self {
            Quantile::Estimate(time) | Quantile::LowerBound(time) => time,
        }
    }

    pub(super) fn format(self) -> String {
        match self {
            Quantile::Estimate(time) => format_seconds(time),
            Quantile::LowerBound(time) => format!(">{}", format_seconds(time)),
        }
    }
}

impl Serialize for Quantile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn quantile(quantile: f64, longest: f64, buckets: &[(&str, f64)]) -> Option<Quantile> {
        let series = |(le, count): &(&str, f64)| Series {
            labels: BTreeMap::from([("le".to_owned(), (*le).to_owned())]),
            points: vec![(1.0, *count)],
        };
        let all: Vec<Series> = buckets.iter().map(series).collect();
        Quantile::from_buckets(&all.iter().collect::<Vec<_>>(), quantile, longest)
    }

    #[test]
    fn a_quantile_is_interpolated_within_its_bucket() {
        let buckets = [("+Inf", 100.0), ("0.2", 100.0), ("0.1", 50.0)];
        assert_eq!(quantile(0.25, 60.0, &buckets), Some(Quantile::Estimate(0.05)));
        assert_eq!(quantile(0.5, 60.0, &buckets), Some(Quantile::Estimate(0.1)));
        assert!(
            matches!(quantile(0.99, 60.0, &buckets), Some(Quantile::Estimate(at)) if (at - 0.198).abs() < 1e-9)
        );
    }

    #[test]
    fn beyond_the_phase_or_the_last_edge_it_is_a_lower_bound() {
        let slow = [("1", 90.0), ("20", 90.0), ("60", 100.0), ("+Inf", 100.0)];
        assert_eq!(quantile(0.99, 6.0, &slow), Some(Quantile::LowerBound(20.0)));
        assert_eq!(quantile(0.95, 60.0, &slow), Some(Quantile::Estimate(40.0)));
        let endless = [("1", 90.0), ("60", 91.0), ("+Inf", 100.0)];
        assert_eq!(quantile(0.99, 600.0, &endless), Some(Quantile::LowerBound(60.0)));
        assert_eq!(Quantile::LowerBound(60.0).format(), ">60.00 s");
    }

    #[test]
    fn without_operations_there_is_no_quantile() {
        assert_eq!(quantile(0.5, 60.0, &[]), None);
        assert_eq!(quantile(0.5, 60.0, &[("1", 0.0), ("+Inf", 0.0)]), None);
        assert_eq!(quantile(0.5, 60.0, &[("1", f64::NAN), ("+Inf", f64::NAN)]), None);
        // The counter was reset.
        assert_eq!(quantile(0.5, 60.0, &[("1", -5.0), ("+Inf", -3.0)]), None);
    }
}
