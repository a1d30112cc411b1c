//! A naive breaker. It stores every request and result and computes its state from them. It shares no code with the real one.

use std::time::Duration;

use metrics_core::labels::BreakerState::{self, Closed, HalfOpen, Open};

use crate::stack::breaker::BreakerRules;

pub(super) struct ModelPermit {
    generation: u64,
    bucket: u64,
}

/// Stores each request and each result of the current generation.
pub(super) struct Model {
    rules: BreakerRules,
    pub(super) state: BreakerState,
    generation: u64,
    since: Duration,
    requests: Vec<u64>,
    results: Vec<(u64, bool)>,
}

impl Model {
    pub(super) fn new(rules: BreakerRules) -> Self {
        Self {
            rules,
            state: Closed,
            generation: 0,
            since: Duration::ZERO,
            requests: Vec::new(),
            results: Vec::new(),
        }
    }

    fn bucket(&self, now: Duration) -> u64 {
        if self.state != Closed {
            return 0;
        }
        ((now - self.since).as_nanos() / self.rules.bucket_period.as_nanos()) as u64
    }

    fn live(&self, bucket: u64, now: Duration) -> bool {
        let buckets = self.rules.interval.as_nanos().div_ceil(self.rules.bucket_period.as_nanos()) as u64;
        self.bucket(now) - bucket < buckets
    }

    pub(super) fn counts(&self, now: Duration) -> (u64, u64, u64) {
        let requests = self.requests.iter().filter(|bucket| self.live(**bucket, now)).count() as u64;
        let results: Vec<bool> =
            self.results.iter().filter(|(bucket, _)| self.live(*bucket, now)).map(|(_, ok)| *ok).collect();
        let failures = results.iter().filter(|ok| !**ok).count() as u64;
        let run = results.iter().rev().take_while(|ok| !**ok).count() as u64;
        (requests, failures, run)
    }

    fn enter(&mut self, state: BreakerState, now: Duration) {
        self.state = state;
        self.generation += 1;
        self.since = now;
        self.requests.clear();
        self.results.clear();
    }

    pub(super) fn advance(&mut self, now: Duration) {
        if self.state == Open && now - self.since > self.rules.open_timeout {
            self.enter(HalfOpen, now);
        }
    }

    pub(super) fn admit(&mut self, now: Duration) -> Option<ModelPermit> {
        self.advance(now);
        let refused = match self.state {
            Closed => false,
            HalfOpen => self.requests.len() as u64 >= self.rules.half_open_requests,
            Open => true,
        };
        if refused {
            return None;
        }
        let bucket = self.bucket(now);
        self.requests.push(bucket);
        Some(ModelPermit { generation: self.generation, bucket })
    }

    pub(super) fn record(&mut self, permit: &ModelPermit, success: bool, now: Duration) {
        self.advance(now);
        if permit.generation != self.generation || !self.live(permit.bucket, now) {
            return;
        }
        self.results.push((permit.bucket, success));
        let (requests, failures, run) = self.counts(now);
        let rules = &self.rules;
        match self.state {
            Closed if !success => {
                let ratio = failures as f64 / requests as f64;
                if run >= rules.consecutive_failures
                    || (requests >= rules.min_requests && ratio >= rules.failure_ratio)
                {
                    self.enter(Open, now);
                }
            }
            HalfOpen if !success => self.enter(Open, now),
            HalfOpen
                if self.results.iter().filter(|(_, ok)| *ok).count() as u64 >= rules.half_open_requests =>
            {
                self.enter(Closed, now);
            }
            Closed | HalfOpen | Open => {}
        }
    }

    pub(super) fn forget(&mut self, permit: &ModelPermit, now: Duration) {
        self.advance(now);
        if permit.generation != self.generation {
            return;
        }
        match self.state {
            HalfOpen => self.record(permit, false, now),
            Closed | Open => {
                let sent = self.requests.iter().position(|bucket| *bucket == permit.bucket);
                self.requests.remove(sent.unwrap());
            }
        }
    }
}
