//! A toxic as this daemon means it. How Toxiproxy spells it lives in `toxiproxy::wire`.

/// The direction of the bytes a toxic works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// From the client to the node.
    Requests,
    /// From the node to the client.
    Replies,
}

/// One toxic to be put on a proxy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Toxic {
    pub(crate) stream: Stream,
    pub(crate) share: Share,
    pub(crate) kind: ToxicKind,
}

/// What a toxic does to the bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ToxicKind {
    /// Delays each chunk by `latency` give or take `jitter`; a negative delay is none. Milliseconds.
    Latency { latency: i64, jitter: i64 },
    /// Drops all bytes and, after `timeout` milliseconds, closes the connection; 0 never closes it.
    Timeout { timeout: i64 },
    /// Lets so many kB through in a second; with 0 all bytes are held until the toxic goes.
    Bandwidth { rate: i64 },
    /// Resets the connection after so many milliseconds.
    ResetPeer { timeout: i64 },
    /// Holds the end of the connection back for so many milliseconds.
    SlowClose { delay: i64 },
    /// Cuts chunks into pieces of about `average_size` bytes, `delay` microseconds apart.
    Slicer { average_size: i64, size_variation: i64, delay: i64 },
    /// Closes the connection after so many bytes.
    LimitData { bytes: i64 },
    /// Takes chunks out of the stream with this probability. Newer servers only.
    DropChunks { loss_rate: f64 },
    /// Does nothing at all: its name says whose the disabled proxy below it is.
    Marker,
}

impl ToxicKind {
    /// Whether Toxiproxy closes every connection that this toxic is on, even one that it spares, when it is removed.
    /// Until such a connection is gone, the toxics before it wait for ever to pass on what they hold, and whoever
    /// removes or changes one of those waits with them, with the lock that the whole API needs. So what closes goes
    /// after everything else on its proxy, the first one of them first.
    pub(crate) fn closes_when_removed(self) -> bool {
        matches!(self, ToxicKind::Timeout { .. })
    }
}

/// A share of connections, in (0, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share(f64);

impl Share {
    pub(crate) const ALL: Share = Share(1.0);

    /// `None` outside (0, 1].
    pub(crate) fn new(share: f64) -> Option<Share> {
        (share > 0.0 && share <= 1.0).then_some(Share(share))
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_lies_above_zero_and_up_to_one() {
        for bad in [0.0, -0.1, 1.000_1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::new(bad), None, "{bad}");
        }
        assert_eq!(Share::new(1.0), Some(Share::ALL));
        assert_eq!(Share::new(0.02).map(Share::get), Some(0.02));
    }
}
