//! Request and failure counts over a rolling window of buckets, for the breaker. Pure: the caller brings the time.

use std::time::{Duration, Instant};

/// The bucket a request was admitted in, counted from the window's last clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) u64);

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
    age: u64,
    sum: Counts,
}

impl Window {
    pub(crate) fn new(buckets: usize, period: Duration, now: Instant) -> Self {
        Self {
            buckets: vec![Bucket::default(); buckets.max(1)],
            period: period.max(Duration::from_nanos(1)),
            start: now,
            next_roll: now + period,
            age: 0,
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
        self.age = 0;
        self.sum = Counts::default();
    }

    /// The current bucket, and when it ends.
    pub(crate) fn current(&self) -> (Age, Instant) {
        (Age(self.age), self.next_roll)
    }

    /// Requests that were admitted in the current bucket.
    pub(crate) fn requests(&mut self, count: u64) -> Age {
        self.sum.requests += count;
        self.bucket(self.age).requests += count;
        Age(self.age)
    }

    /// A request of that bucket that was never sent. One that passed while its bucket ended may be counted in the next,
    /// and then stays.
    pub(crate) fn withdraw(&mut self, Age(age): Age) {
        if self.age.saturating_sub(age) >= self.buckets.len() as u64 {
            return;
        }
        let bucket = self.bucket(age);
        if bucket.requests > bucket.failures {
            bucket.requests -= 1;
            self.sum.requests -= 1;
        }
    }

    pub(crate) fn succeeded(&mut self) {
        self.sum.consecutive_failures = 0;
    }

    pub(crate) fn result(&mut self, Age(age): Age, success: bool) {
        if self.age.saturating_sub(age) >= self.buckets.len() as u64 {
            return;
        }
        if success {
            self.succeeded();
        } else {
            self.sum.failures += 1;
            self.sum.consecutive_failures = self.sum.consecutive_failures.min(self.sum.failures - 1) + 1;
            self.bucket(age).failures += 1;
        }
    }

    /// Drops the buckets that left the window by `now`.
    pub(crate) fn roll(&mut self, now: Instant) {
        if now < self.next_roll {
            return;
        }
        let elapsed = now.saturating_duration_since(self.start);
        let age = u64::try_from(elapsed.as_nanos() / self.period.as_nanos()).unwrap_or(u64::MAX);
        for step in 1..=(age - self.age).min(self.buckets.len() as u64) {
            let index = ((self.age + step) % self.buckets.len() as u64) as usize;
            let gone = std::mem::take(&mut self.buckets[index]);
            self.sum.requests -= gone.requests;
            self.sum.failures -= gone.failures;
        }
        self.sum.consecutive_failures = self.sum.consecutive_failures.min(self.sum.failures);
        self.age = age;
        self.next_roll = now + self.period - remainder(elapsed, self.period);
    }

    fn bucket(&mut self, age: u64) -> &mut Bucket {
        let index = (age % self.buckets.len() as u64) as usize;
        &mut self.buckets[index]
    }
}

fn remainder(elapsed: Duration, period: Duration) -> Duration {
    let nanos = elapsed.as_nanos() % period.as_nanos();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
