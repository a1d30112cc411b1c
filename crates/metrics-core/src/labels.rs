//! The words that label series: one enum per label, spelt here and nowhere else.
//! No metric names and no values of series live here.

/// Declares an enum whose variants are the values of one label.
macro_rules! label_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every word, in the order of [`index`](Self::index).
            pub const ALL: [$name; [$($name::$variant),+].len()] = [$($name::$variant),+];
            /// How many words there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The word as it stands in the label.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            /// Position in [`ALL`](Self::ALL).
            pub const fn index(self) -> usize {
                self as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

label_words! {
    /// Label `operation`: what was asked of memcached.
    Operation {
        /// Read one key.
        Get => "get",
        /// Store one key.
        Set => "set",
        /// Delete one key.
        Delete => "delete",
        /// Add to a counter.
        Increment => "increment",
    }
}

label_words! {
    /// Label `status` of an operation. A miss is a success.
    Status {
        /// The caller got an answer it can use.
        Success => "success",
        /// The caller got an error or a wrong value.
        Failed => "failed",
    }
}

label_words! {
    /// Label `type` of a failed operation.
    ErrorType {
        /// The operation's deadline passed.
        Timeout => "timeout",
        /// No connection could be made.
        Connect => "connect",
        /// No connection was free before the deadline.
        PoolExhausted => "pool_exhausted",
        /// The breaker refused it without input or output.
        BreakerOpen => "breaker_open",
        /// The connection broke.
        Io => "io",
        /// The answer was not memcached's protocol.
        Protocol => "protocol",
        /// memcached answered with an error.
        ServerError => "server_error",
        /// The value read was wrong.
        Corrupt => "corrupt",
    }
}

label_words! {
    /// Label `kind` of a wrong value.
    CorruptKind {
        /// Another key's value.
        WrongKey => "wrong_key",
        /// Bytes that no writer wrote.
        Torn => "torn",
        /// A value older than an acknowledged write.
        Stale => "stale",
    }
}

label_words! {
    /// Label `runtime`: what a tokio runtime is there for.
    Runtime {
        /// It serves the metrics and drives the daemon.
        Server => "server",
        /// It sends load.
        Load => "load",
    }
}

label_words! {
    /// State of a circuit breaker; its index is the value of the state gauge.
    BreakerState {
        /// Passing.
        Closed => "closed",
        /// Probing with a few requests.
        HalfOpen => "half_open",
        /// Rejecting.
        Open => "open",
    }
}

label_words! {
    /// Label `state` of pooled connections.
    PoolState {
        /// Active and idle together.
        Total => "total",
        /// In an exchange.
        Active => "active",
        /// Open and free.
        Idle => "idle",
    }
}

label_words! {
    /// Label `reason` of a closed connection.
    CloseReason {
        /// An operation on it ran out of time: its stream is out of step.
        Timeout => "timeout",
        /// It failed, or said what nobody asked for.
        Error => "error",
        /// The other end closed it while it was idle.
        Peer => "peer",
        /// It was idle for too long.
        Idle => "idle",
        /// It reached the age limit.
        Lifetime => "lifetime",
        /// The daemon is stopping.
        Shutdown => "shutdown",
    }
}

label_words! {
    /// Phase of a scenario; its index is the value of `scenario_phase`.
    Phase {
        /// No scenario runs.
        Idle => "idle",
        /// Before the fault.
        Stabilization => "stabilization",
        /// While the fault is on, injecting and healing included.
        Testing => "testing",
        /// After the fault was read back as gone.
        Recovery => "recovery",
    }
}

label_words! {
    /// Label `status` of a finished run.
    RunStatus {
        /// It did what was expected.
        Success => "success",
        /// It did not.
        Failed => "failed",
        /// The data cannot tell.
        Inconclusive => "inconclusive",
        /// It was stopped before its end.
        Aborted => "aborted",
    }
}

label_words! {
    /// What a run showed of an expectation.
    Finding {
        /// It held.
        Pass => "pass",
        /// It did not.
        Fail => "fail",
        /// The data cannot tell.
        Inconclusive => "inconclusive",
    }
}

impl Finding {
    /// The value of the gauge.
    pub const fn value(self) -> f64 {
        match self {
            Finding::Pass => 1.0,
            Finding::Fail => 0.0,
            Finding::Inconclusive => -1.0,
        }
    }
}

label_words! {
    /// Label `type` of an injected fault.
    FaultType {
        /// Every chunk is delayed.
        Latency => "latency",
        /// Chunks are delayed as a retransmission would delay them.
        PacketLoss => "packet_loss",
        /// Bytes are dropped.
        Blackhole => "blackhole",
        /// Bytes are held and delivered late.
        Stall => "stall",
        /// Connections close after a time without data.
        Timeout => "timeout",
        /// Connections are reset.
        Reset => "reset",
        /// Throughput is bounded.
        Bandwidth => "bandwidth",
        /// Connections close late.
        SlowClose => "slow_close",
        /// Data arrives in small pieces.
        Slicer => "slicer",
        /// Connections close after a number of bytes.
        LimitData => "limit_data",
        /// The proxy refuses connections.
        Down => "down",
        /// Bytes are taken out of the stream.
        StreamCorruption => "stream_corruption",
    }
}

label_words! {
    /// Label `method` of a request to the Toxiproxy API.
    ApiMethod {
        /// Read.
        Get => "GET",
        /// Create or update.
        Post => "POST",
        /// Update.
        Patch => "PATCH",
        /// Remove.
        Delete => "DELETE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_have_the_documented_values() {
        assert_eq!(BreakerState::ALL.map(BreakerState::index), [0, 1, 2]);
        assert_eq!(BreakerState::Open.index(), 2);
        assert_eq!(
            [Phase::Idle, Phase::Stabilization, Phase::Testing, Phase::Recovery].map(Phase::index),
            [0, 1, 2, 3]
        );
    }

    #[test]
    fn words_are_snake_case_and_unique() {
        let words: Vec<_> = ErrorType::ALL.iter().map(|e| e.as_str()).collect();
        let mut unique = words.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), words.len());
        assert!(words.iter().all(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }
}
