//! Request and failure counts over a rolling window of buckets, for the breaker. Pure: the caller passes the time.

use std::time::{Duration, Instant};

/// The number of a bucket, counted since the window was last cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BucketNumber(pub(crate) u64);

/// Sums over the buckets that are still inside the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    /// Failures since the last success, without those outside the window.
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
    /// End of the current bucket. It is stored so that most calls need one comparison only.
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
        // Of a run of failures that began before the window, only the part inside counts.
        Counts { consecutive_failures: self.sum.consecutive_failures.min(self.sum.failures), ..self.sum }
    }

    pub(crate) fn clear(&mut self, now: Instant) {
        self.buckets.fill(Bucket::default());
        self.start = now;
        self.next_roll = now + self.period;
        self.current = 0;
        self.sum = Counts::default();
    }

    /// The current bucket and its end.
    pub(crate) fn current_bucket(&self) -> (BucketNumber, Instant) {
        (BucketNumber(self.current), self.next_roll)
    }

    /// Adds requests to the current bucket.
    pub(crate) fn add_requests(&mut self, count: u64) -> BucketNumber {
        self.sum.requests += count;
        self.bucket_mut(self.current).requests += count;
        BucketNumber(self.current)
    }

    /// Removes a request of that bucket that was never sent. A request that was admitted at the end of its bucket may have
    /// been counted in the next one; then it is not removed.
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

    /// Drops the buckets that are no longer in the window at `now`.
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
