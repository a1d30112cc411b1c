//! The distribution of the service times of one measurement, read from loadgen's histogram. Pure.

/// Half a retransmission. An operation without a loss is faster, one with a loss is slower.
const SLOW: f64 = 0.1;

/// Buckets in rising order: the upper end in seconds, the number of operations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution(Vec<(f64, f64)>);

impl Distribution {
    /// The service times of a `--histogram` file; `None` for another file.
    pub(crate) fn parse(csv: &str) -> Option<Self> {
        let mut lines = csv.lines();
        (lines.next()? == "time,seconds,operations").then_some(())?;
        let cell = |line: &str| {
            let (seconds, operations) = line.strip_prefix("service,")?.split_once(',')?;
            Some((seconds.parse().ok()?, operations.parse().ok()?))
        };
        lines.filter(|line| !line.starts_with("latency,")).map(cell).collect::<Option<_>>().map(Self)
    }

    fn count(&self) -> f64 {
        self.0.iter().map(|(_, operations)| operations).sum()
    }

    /// The operations that waited for a retransmission.
    pub(crate) fn slow(&self) -> Self {
        Self(self.0.iter().filter(|(seconds, _)| *seconds > SLOW).copied().collect())
    }

    pub(crate) fn slow_share(&self) -> f64 {
        self.slow().count() / self.count()
    }

    /// The time in seconds that this share of the operations does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let wanted = self.count() * share;
        let mut sum = 0.0;
        let reached = |(_, operations): &&(f64, f64)| {
            sum += operations;
            sum >= wanted
        };
        self.0.iter().find(reached).or(self.0.last()).map_or(f64::NAN, |(seconds, _)| *seconds)
    }

    /// Wasserstein distance between the logarithms of the times, in decades: the mean distance that operations of one
    /// distribution have to move to give the other.
    pub(crate) fn distance(&self, other: &Self) -> f64 {
        let mut ends: Vec<f64> = self.0.iter().chain(&other.0).map(|(seconds, _)| *seconds).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let gap = |pair: &[f64]| {
            let apart = (self.share_up_to(pair[0]) - other.share_up_to(pair[0])).abs();
            apart * (pair[1] / pair[0]).log10()
        };
        ends.windows(2).map(gap).sum()
    }

    fn share_up_to(&self, end: f64) -> f64 {
        let below = self.0.iter().take_while(|(seconds, _)| *seconds <= end);
        below.map(|(_, operations)| operations).sum::<f64>() / self.count()
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn only_the_service_times_of_a_histogram_are_read() {
        let csv = "time,seconds,operations\nlatency,0.9,7\nservice,0.001,90\nservice,0.2,8\nservice,0.4,2\n";
        let read = Distribution::parse(csv).unwrap();
        assert_eq!(read, Distribution(vec![(0.001, 90.0), (0.2, 8.0), (0.4, 2.0)]));
        assert!((read.slow_share() - 0.1).abs() < 1e-12);
        assert_eq!([0.5, 0.9, 0.98, 1.0].map(|share| read.quantile(share)), [0.001, 0.001, 0.2, 0.4]);
        assert_eq!(Distribution::parse("x"), None);
        assert_eq!(Distribution::parse("time,seconds,operations\nservice,?,1\n"), None);
    }

    #[test]
    fn the_distance_is_the_mean_move_in_decades() {
        let at = |cells: &[(f64, f64)]| Distribution(cells.to_vec());
        let one = at(&[(0.1, 10.0)]);
        assert!(one.distance(&one).abs() < 1e-12);
        assert!((one.distance(&at(&[(1.0, 3.0)])) - 1.0).abs() < 1e-12);
        // Half of the operations move by two decades.
        assert!((one.distance(&at(&[(0.1, 5.0), (10.0, 5.0)])) - 1.0).abs() < 1e-12);
        assert!((at(&[(0.1, 5.0), (10.0, 5.0)]).distance(&one) - 1.0).abs() < 1e-12);
    }
}
