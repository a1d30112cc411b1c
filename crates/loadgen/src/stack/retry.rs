//! Whether a failed attempt is repeated. Pure: the caller says what failed and brings the budget.
//!
//! Repeated is only what certainly had no effect, or reads. All attempts share the operation's one deadline, so one that
//! ran out of time is never repeated. The budget is a token bucket: each operation pays in a part of a token, each
//! repetition takes a whole one, so a node that is down is not asked twice as much as one that works.

use metrics_core::labels::{ErrorType, Operation};

use crate::ledger::WriteOutcome;

/// Tokens that quiet times save up, so that a single failure is repeated at once.
const RESERVE: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RetryRules {
    /// Further attempts of one operation; 0 is off.
    pub(crate) retries: u32,
    /// Repetitions per operation in the long run, 0 to 1.
    pub(crate) budget: f64,
}

impl Default for RetryRules {
    fn default() -> Self {
        Self { retries: 0, budget: 0.1 }
    }
}

/// One thread's budget.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    rules: RetryRules,
    tokens: f64,
}

impl RetryBudget {
    pub(crate) fn new(rules: RetryRules) -> Self {
        Self { rules, tokens: RESERVE }
    }

    /// An operation ended, by whatever attempt.
    pub(crate) fn pay_in(&mut self) {
        self.tokens = (self.tokens + self.rules.budget).min(RESERVE);
    }

    /// Whether there may be one more attempt after this many; takes its token.
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
        // No time left, nobody free to ask, or nothing that another attempt would change.
        ErrorType::Timeout | ErrorType::PoolExhausted | ErrorType::BreakerOpen | ErrorType::Corrupt => false,
        // Refusing a write, memcached drops the value that it was to replace.
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
        /// Whatever fails when, repetitions never exceed the reserve and the budget's part of the operations.
        #[test]
        fn the_budget_bounds_repetitions(failures in proptest::collection::vec(any::<bool>(), 1..500), budget in 0.0..1.0f64) {
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

        /// A write that may have had an effect is never repeated.
        #[test]
        fn ambiguous_writes_are_not_repeated(operation in 1..Operation::COUNT, error in 0..ErrorType::COUNT) {
            prop_assert!(!may_repeat(Operation::ALL[operation], ErrorType::ALL[error], WriteOutcome::Unknown));
        }
    }

    #[test]
    fn off_means_never() {
        assert!(!RetryBudget::new(RetryRules::default()).allows(1));
    }

    #[test]
    fn reads_and_what_never_left_are_repeated() {
        assert!(may_repeat(Operation::Get, ErrorType::Io, WriteOutcome::Unknown));
        assert!(may_repeat(Operation::Set, ErrorType::Connect, WriteOutcome::NoEffect));
        assert!(may_repeat(Operation::Set, ErrorType::Io, WriteOutcome::NoEffect));
        assert!(!may_repeat(Operation::Set, ErrorType::ServerError, WriteOutcome::NoEffect));
        assert!(!may_repeat(Operation::Get, ErrorType::Timeout, WriteOutcome::Unknown));
        assert!(!may_repeat(Operation::Get, ErrorType::Corrupt, WriteOutcome::Unknown));
    }
}
