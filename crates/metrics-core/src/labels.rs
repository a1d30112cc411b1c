//! The words that are label values: one enum per label. No other file contains them. Metric names and values are elsewhere.

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

            /// The word as the label's value.
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
    /// Label `operation`: the kind of request to memcached.
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
        /// The caller got a valid reply.
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
        /// No connection could be opened.
        Connect => "connect",
        /// This machine had no descriptor, port or memory for a connection. The node is not the cause.
        Local => "local",
        /// No connection was free before the deadline.
        PoolExhausted => "pool_exhausted",
        /// The breaker rejected it, so nothing was sent.
        BreakerOpen => "breaker_open",
        /// The connection broke.
        Io => "io",
        /// The reply was not valid in memcached's protocol.
        Protocol => "protocol",
        /// memcached replied with an error.
        ServerError => "server_error",
        /// The value read was wrong.
        Corrupt => "corrupt",
    }
}

label_words! {
    /// Label `kind` of a wrong value.
    CorruptKind {
        /// The value of another key.
        WrongKey => "wrong_key",
        /// Bytes that no writer wrote.
        Torn => "torn",
        /// A value older than an acknowledged write.
        Stale => "stale",
    }
}

label_words! {
    /// Label `address`: the key of the lab file that has the address.
    Address {
        /// Where the load is sent.
        Dial => "dial",
        /// Where the node itself listens.
        Upstream => "upstream",
    }
}

label_words! {
    /// Label `runtime`: the purpose of a Tokio runtime.
    Runtime {
        /// It serves the metrics and runs the daemon.
        Server => "server",
        /// It sends load.
        Load => "load",
    }
}

label_words! {
    /// State of a circuit breaker; its index is the value of the state gauge.
    BreakerState {
        /// It lets requests pass.
        Closed => "closed",
        /// It lets a few requests pass as probes.
        HalfOpen => "half_open",
        /// It rejects requests.
        Open => "open",
    }
}

label_words! {
    /// Label `state` of pooled connections.
    PoolState {
        /// Active and idle together.
        Total => "total",
        /// It carries a request.
        Active => "active",
        /// It is open and carries no request.
        Idle => "idle",
    }
}

label_words! {
    /// Label `reason` of a closed connection.
    CloseReason {
        /// The deadline of an operation on it passed, so its next reply would belong to the wrong request.
        Timeout => "timeout",
        /// It failed, or it received data that no request asked for.
        Error => "error",
        /// The other end closed it while it was idle.
        Peer => "peer",
        /// It was idle for longer than the limit.
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
        /// While the fault is active, including its injection and removal.
        Testing => "testing",
        /// After the fault was read back as removed.
        Recovery => "recovery",
    }
}

label_words! {
    /// Label `status` of a finished run.
    RunStatus {
        /// Every expectation was met.
        Success => "success",
        /// An expectation was not met.
        Failed => "failed",
        /// The data do not allow a verdict.
        Inconclusive => "inconclusive",
        /// It was stopped before it ended.
        Aborted => "aborted",
    }
}

label_words! {
    /// The result of an expectation in a run.
    Finding {
        /// It was met.
        Pass => "pass",
        /// It was not met.
        Fail => "fail",
        /// The data do not allow a verdict.
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
        /// Bytes are held back and delivered later.
        Stall => "stall",
        /// Connections close after a time without data.
        Timeout => "timeout",
        /// Connections are reset.
        Reset => "reset",
        /// Throughput is limited.
        Bandwidth => "bandwidth",
        /// Connections close late.
        SlowClose => "slow_close",
        /// Data arrives in small pieces.
        Slicer => "slicer",
        /// Connections close after a number of bytes.
        LimitData => "limit_data",
        /// The proxy refuses connections.
        Down => "down",
        /// Bytes are removed from the stream.
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
