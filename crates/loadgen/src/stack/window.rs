//! Request and failure counts over a rolling window of buckets, for the breaker. Pure: the caller brings the time.

use std::time::{Duration, Instant};

/// The bucket a request was admitted in, counted from the window's last clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BucketNumber(pub(crate) u64);

/// Sums over the buckets that are still inside the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    /// Failures since the last success, as far as they are inside the window.
    pub(crate) consecutive_failures: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    requests: u64,
    failures: u64,
}

#[derive(Debug)]
pub(crate) struct Window {
    buckets: Vec<Bucket>,
    period: Duration,
    start: Instant,
    /// End of the current bucket: one comparison decides that nothing rolls.
    next_roll: Instant,
    current: u64,
    sum: Counts,
}

impl Window {
    pub(crate) fn new(buckets: usize, period: Duration, now: Instant) -> Self {
        Self {
            buckets: vec![Bucket::default(); buckets.max(1)],
            period: period.max(Duration::from_nanos(1)),
            start: now,
            next_roll: now + period,
            current: 0,
            sum: Counts::default(),
        }
    }

    pub(crate) fn totals(&self) -> Counts {
        // A run of failures that reaches back beyond the window counts only with its part inside.
        Counts { consecutive_failures: self.sum.consecutive_failures.min(self.sum.failures), ..self.sum }
    }

    pub(crate) fn clear(&mut self, now: Instant) {
        self.buckets.fill(Bucket::default());
        self.start = now;
        self.next_roll = now + self.period;
        self.current = 0;
        self.sum = Counts::default();
    }

    /// The current bucket, and when it ends.
    pub(crate) fn current_bucket(&self) -> (BucketNumber, Instant) {
        (BucketNumber(self.current), self.next_roll)
    }

    /// Requests that were admitted in the current bucket.
    pub(crate) fn add_requests(&mut self, count: u64) -> BucketNumber {
        self.sum.requests += count;
        self.bucket_mut(self.current).requests += count;
        BucketNumber(self.current)
    }

    /// A request of that bucket that was never sent. One that passed while its bucket ended may be counted in the next,
    /// and then stays.
    pub(crate) fn remove_request(&mut self, BucketNumber(number): BucketNumber) {
        if self.current.saturating_sub(number) >= self.buckets.len() as u64 {
            return;
        }
        let bucket = self.bucket_mut(number);
        if bucket.requests > bucket.failures {
            bucket.requests -= 1;
            self.sum.requests -= 1;
        }
    }

    pub(crate) fn end_failure_run(&mut self) {
        self.sum.consecutive_failures = 0;
    }

    pub(crate) fn add_result(&mut self, BucketNumber(number): BucketNumber, success: bool) {
        if self.current.saturating_sub(number) >= self.buckets.len() as u64 {
            return;
        }
        if success {
            self.end_failure_run();
        } else {
            self.sum.failures += 1;
            self.sum.consecutive_failures = self.sum.consecutive_failures.min(self.sum.failures - 1) + 1;
            self.bucket_mut(number).failures += 1;
        }
    }

    /// Drops the buckets that left the window by `now`.
    pub(crate) fn roll(&mut self, now: Instant) {
        if now < self.next_roll {
            return;
        }
        let elapsed = now.saturating_duration_since(self.start);
        let number = u64::try_from(elapsed.as_nanos() / self.period.as_nanos()).unwrap_or(u64::MAX);
        for step in 1..=(number - self.current).min(self.buckets.len() as u64) {
            let index = ((self.current + step) % self.buckets.len() as u64) as usize;
            let gone = std::mem::take(&mut self.buckets[index]);
            self.sum.requests -= gone.requests;
            self.sum.failures -= gone.failures;
        }
        self.sum.consecutive_failures = self.sum.consecutive_failures.min(self.sum.failures);
        self.current = number;
        self.next_roll = now + self.period - remainder(elapsed, self.period);
    }

    fn bucket_mut(&mut self, number: u64) -> &mut Bucket {
        let index = (number % self.buckets.len() as u64) as usize;
        &mut self.buckets[index]
    }
}

fn remainder(elapsed: Duration, period: Duration) -> Duration {
    let nanos = elapsed.as_nanos() % period.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
