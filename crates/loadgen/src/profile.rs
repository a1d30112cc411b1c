//! The load profile: the intended start of each operation of an open loop. Pure and exact: whole nanoseconds are computed
//! from the operation's number, so there is no drift and no state. Which worker performs an operation, and whether it
//! starts in time, is not known here.

use std::fmt;
use std::time::Duration;

use daemon_core::values::format_duration;

const SECOND: u64 = 1_000_000_000;

/// The longest ramp. A longer one would overflow the 128 bits that keep its square roots exact.
pub(crate) const MAX_RAMP: Duration = Duration::from_secs(24 * 60 * 60);

/// Operations per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rate(u32);

impl Rate {
    pub(crate) const MIN: u32 = 1;
    pub(crate) const MAX: u32 = 200_000;

    /// `None` outside 1..=200,000.
    pub(crate) fn new(per_second: u32) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&per_second).then_some(Self(per_second))
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

/// The rate over time. Operation 0 starts at time 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadProfile {
    Constant(Rate),
    /// The rate changes linearly and then stays at `to`.
    Ramp(Ramp),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ramp {
    from: Rate,
    to: Rate,
    /// Nanoseconds, above zero, at most [`MAX_RAMP`].
    over: u64,
}

impl Ramp {
    /// `None` for a time of zero or of more than [`MAX_RAMP`].
    pub(crate) fn new(from: Rate, to: Rate, over: Duration) -> Option<Self> {
        let nanos = u64::try_from(over.as_nanos()).ok().filter(|nanos| *nanos > 0)?;
        (over <= MAX_RAMP).then_some(Self { from, to, over: nanos })
    }

    /// Twice the number of operations due by the end of the ramp, times nanoseconds per second. Unlike that number, it is
    /// always whole.
    fn twice_total(&self) -> u128 {
        u128::from(self.over) * (u128::from(self.from.0) + u128::from(self.to.0))
    }

    /// The first nanosecond at which `from * t + (to - from) * t^2 / (2 * over)` reaches `number`.
    ///
    /// With `r(t)` the rate at `t`, `(over * r)^2` is linear in the number of operations. Its root gives the rate, and
    /// rounding the root towards a later start keeps the result exact.
    fn start(&self, number: u64) -> u128 {
        let (over, from, to) = (u128::from(self.over), u128::from(self.from.0), u128::from(self.to.0));
        let twice = 2 * u128::from(SECOND) * u128::from(number);
        if twice >= self.twice_total() {
            return over + (twice - self.twice_total()).div_ceil(2 * to);
        }
        let begin = over * from;
        if to > from {
            let square = begin * begin + (to - from) * over * twice;
            let root = square.isqrt();
            let root = if root * root == square { root } else { root + 1 };
            (root - begin).div_ceil(to - from)
        } else if to < from {
            let root = (begin * begin - (from - to) * over * twice).isqrt();
            (begin - root).div_ceil(from - to)
        } else {
            twice.div_ceil(2 * from)
        }
    }

    /// The number of operations after number 0 that are due by `nanos`.
    fn count(&self, nanos: u128) -> u128 {
        let (over, from, to) = (u128::from(self.over), u128::from(self.from.0), u128::from(self.to.0));
        let second = u128::from(SECOND);
        if nanos >= over {
            return (self.twice_total() + (nanos - over).saturating_mul(2 * to)) / (2 * second);
        }
        let even = 2 * over * from * nanos;
        let bend = from.abs_diff(to) * nanos * nanos;
        (if to >= from { even + bend } else { even - bend }) / (2 * over * second)
    }
}

impl LoadProfile {
    /// The intended start of operation `number`, counted from 0, since the beginning of the load.
    pub(crate) fn start(&self, number: u64) -> Duration {
        match self {
            Self::Constant(rate) => {
                let rate = u64::from(rate.0);
                // The rest is below 200,000, so neither product nor sum can overflow.
                let nanos = ((number % rate) * SECOND).div_ceil(rate);
                Duration::from_secs(number / rate) + Duration::from_nanos(nanos)
            }
            Self::Ramp(ramp) => {
                let nanos = ramp.start(number);
                let second = u128::from(SECOND);
                let seconds = u64::try_from(nanos / second).unwrap_or(u64::MAX);
                Duration::new(seconds, (nanos % second) as u32)
            }
        }
    }

    /// The number of operations that are due when `elapsed` has passed: those with `start(n) <= elapsed`.
    pub(crate) fn due(&self, elapsed: Duration) -> u64 {
        let nanos = elapsed.as_nanos();
        let count = match self {
            Self::Constant(rate) => nanos.saturating_mul(u128::from(rate.0)) / u128::from(SECOND),
            Self::Ramp(ramp) => ramp.count(nanos),
        };
        u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The highest rate of the profile.
    pub(crate) fn peak(&self) -> Rate {
        match self {
            Self::Constant(rate) => *rate,
            Self::Ramp(ramp) => ramp.from.max(ramp.to),
        }
    }

    /// The operations per second at that moment, for a gauge.
    pub(crate) fn rate(&self, elapsed: Duration) -> f64 {
        match self {
            Self::Constant(rate) => f64::from(rate.0),
            Self::Ramp(ramp) => {
                let done = (elapsed.as_nanos() as f64 / ramp.over as f64).min(1.0);
                f64::from(ramp.from.0) + done * (f64::from(ramp.to.0) - f64::from(ramp.from.0))
            }
        }
    }
}

impl fmt::Display for LoadProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(rate) => write!(f, "{}/s", rate.0),
            Self::Ramp(Ramp { from, to, over }) => {
                let over = format_duration(Duration::from_nanos(*over));
                write!(f, "{}/s to {}/s over {over}", from.0, to.0)
            }
        }
    }
}

/// One load thread's share of a profile: every `threads`-th operation. All threads together start the same operations at the
/// same times as a single thread would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    profile: LoadProfile,
    thread: u64,
    threads: u64,
}

impl Schedule {
    /// `None` when there is no such thread.
    pub(crate) fn new(profile: LoadProfile, thread: u64, threads: u64) -> Option<Self> {
        (thread < threads).then_some(Self { profile, thread, threads })
    }

    /// The number, over all threads, of this thread's operation `index`.
    pub(crate) fn number(&self, index: u64) -> u64 {
        index.saturating_mul(self.threads).saturating_add(self.thread)
    }

    /// The intended start of this thread's operation `index`.
    pub(crate) fn start(&self, index: u64) -> Duration {
        self.profile.start(self.number(index))
    }

    /// The number of this thread's operations that are due when `elapsed` has passed.
    pub(crate) fn due(&self, elapsed: Duration) -> u64 {
        let due = self.profile.due(elapsed);
        if due > self.thread { (due - self.thread - 1) / self.threads + 1 } else { 0 }
    }
}

#[cfg(test)]
mod tests;
