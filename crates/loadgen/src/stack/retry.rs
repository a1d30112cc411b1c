//! Whether a failed attempt is repeated. Pure: the caller passes the failure and the budget.
//!
//! Only reads are repeated, and writes that certainly had no effect. All attempts share the deadline of the operation, so an
//! operation that timed out is never repeated. The budget is a token bucket: each operation adds a part of a token and each
//! retry takes a whole one. So a node that is down does not get twice the load.

use metrics_core::labels::{ErrorType, Operation};

use crate::ledger::WriteOutcome;

/// The maximum number of tokens. They are saved in times without failures, so that a single failure is repeated at once.
const RESERVE: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RetryRules {
    /// The maximum number of further attempts of one operation. 0 means no retries.
    pub(crate) retries: u32,
    /// Retries per operation in the long run, 0 to 1.
    pub(crate) budget: f64,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { retries: 0, budget: 0.1 }
    }
}

/// The retry budget of one thread.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    rules: RetryRules,
    tokens: f64,
}

impl RetryBudget {
    pub(crate) fn new(rules: RetryRules) -> Self {
        Self { rules, tokens: RESERVE }
    }

    /// An operation ended, after any number of attempts.
    pub(crate) fn pay_in(&mut self) {
        self.tokens = (self.tokens + self.rules.budget).min(RESERVE);
    }

    /// Whether one more attempt is allowed after this number of attempts. Takes a token if so.
    pub(crate) fn allows(&mut self, attempts: u32) -> bool {
        let allowed = attempts <= self.rules.retries && self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// Whether the same request may be sent again after this failure.
pub(crate) fn may_repeat(operation: Operation, error: ErrorType, write_outcome: WriteOutcome) -> bool {
    match error {
        // There is no time left, no connection is free, or another attempt would give the same result.
        ErrorType::Timeout
        | ErrorType::PoolExhausted
        | ErrorType::BreakerOpen
        | ErrorType::Local
        | ErrorType::Corrupt => false,
        // When memcached refuses a write, it drops the value that the write would have replaced.
        ErrorType::ServerError => operation == Operation::Get,
        ErrorType::Connect | ErrorType::Io | ErrorType::Protocol => {
            operation == Operation::Get || write_outcome == WriteOutcome::NoEffect
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_core::labels::{ErrorType, Operation};
    use proptest::prelude::*;

    use super::{RESERVE, RetryBudget, RetryRules, may_repeat};
    use crate::ledger::WriteOutcome;

    proptest! {
        /// For any failures, the number of retries is at most the reserve plus the budget's share of the operations.
        #[test]
        fn the_budget_limits_retries(failures in proptest::collection::vec(any::<bool>(), 1..500), budget in 0.0..1.0f64) {
            let mut bucket = RetryBudget::new(RetryRules { retries: 1, budget });
            let mut repeated = 0.0;
            for (operations, fails) in failures.iter().enumerate() {
                if *fails && bucket.allows(1) {
                    repeated += 1.0;
                }
                bucket.pay_in();
                prop_assert!(repeated <= RESERVE + budget * (operations + 1) as f64);
            }
        }

        /// A write that may have had an effect is not repeated.
        #[test]
        fn writes_with_unknown_effect_are_not_repeated(operation in 1..Operation::COUNT, error in 0..ErrorType::COUNT) {
            prop_assert!(!may_repeat(Operation::ALL[operation], ErrorType::ALL[error], WriteOutcome::Unknown));
        }
    }

    #[test]
    fn without_retries_nothing_is_repeated() {
        assert!(!RetryBudget::new(RetryRules::default()).allows(1));
    }

    #[test]
    fn reads_and_writes_without_effect_are_repeated() {
        assert!(may_repeat(Operation::Get, ErrorType::Io, WriteOutcome::Unknown));
        assert!(may_repeat(Operation::Set, ErrorType::Connect, WriteOutcome::NoEffect));
        assert!(may_repeat(Operation::Set, ErrorType::Io, WriteOutcome::NoEffect));
        assert!(!may_repeat(Operation::Set, ErrorType::ServerError, WriteOutcome::NoEffect));
        assert!(!may_repeat(Operation::Get, ErrorType::Timeout, WriteOutcome::Unknown));
        assert!(!may_repeat(Operation::Get, ErrorType::Corrupt, WriteOutcome::Unknown));
    }
}
