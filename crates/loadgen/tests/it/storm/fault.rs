//! What may strike the lab, and how it goes again. Nothing here looks at the load.

use testkit::Lab;

/// The node that a fault strikes, unless it strikes all.
pub(crate) const VICTIM: usize = 0;

const ONE: &[&str] = &["memcached1"];
const ALL: &[&str] = &["memcached1", "memcached2", "memcached3"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// memcached dies; the one that takes its place is empty.
    NodeKilled,
    /// A half-open connection: the peer's kernel takes everything, and nobody answers.
    NodePaused,
    /// Toxiproxy dies, and comes back without any connection.
    ProxyKilled,
    /// The node's port refuses, and open connections are closed.
    Refused,
    /// Each connection is reset soon after it was made.
    Reset,
    /// Replies are kept, and delivered when the fault goes.
    RepliesHeld,
    /// Requests are kept: writes reach the node long after their callers gave up.
    RequestsHeld,
    /// Everything is dropped.
    Blackhole,
    AllBlack,
}

impl Fault {
    pub(crate) const EVERY: [Self; 9] = [
        Self::NodeKilled,
        Self::NodePaused,
        Self::ProxyKilled,
        Self::Refused,
        Self::Reset,
        Self::RepliesHeld,
        Self::RequestsHeld,
        Self::Blackhole,
        Self::AllBlack,
    ];

    /// The nodes whose operations fail.
    pub(crate) fn struck(self) -> &'static [&'static str] {
        match self {
            Self::ProxyKilled | Self::AllBlack => ALL,
            _ => ONE,
        }
    }

    pub(crate) fn strike(self, lab: &Lab) {
        match self {
            Self::NodeKilled => lab.nodes[VICTIM].kill(),
            Self::NodePaused => lab.nodes[VICTIM].pause(),
            Self::ProxyKilled => lab.toxiproxy.kill(),
            Self::Refused => lab.toxiproxy.enable(ONE[0], false),
            Self::Reset | Self::RepliesHeld | Self::RequestsHeld | Self::Blackhole | Self::AllBlack => {
                for node in self.struck() {
                    lab.toxiproxy.add_toxic(node, self.toxic());
                }
            }
        }
    }

    /// The fault is over when this returns.
    pub(crate) fn heal(self, lab: &Lab) {
        match self {
            Self::NodeKilled => lab.nodes[VICTIM].restart(),
            Self::NodePaused => lab.nodes[VICTIM].resume(),
            Self::ProxyKilled => lab.toxiproxy.restart(),
            Self::Refused => lab.toxiproxy.enable(ONE[0], true),
            Self::Reset | Self::RepliesHeld | Self::RequestsHeld | Self::Blackhole | Self::AllBlack => {
                for node in self.struck() {
                    lab.toxiproxy.delete_toxic(node, "fault");
                }
            }
        }
    }

    fn toxic(self) -> &'static str {
        match self {
            Self::Reset => r#"{"name": "fault", "type": "reset_peer", "attributes": {"timeout": 5}}"#,
            Self::RepliesHeld => r#"{"name": "fault", "type": "bandwidth", "attributes": {"rate": 0}}"#,
            Self::RequestsHeld => {
                r#"{"name": "fault", "type": "bandwidth", "stream": "upstream", "attributes": {"rate": 0}}"#
            }
            _ => r#"{"name": "fault", "type": "timeout", "attributes": {"timeout": 0}}"#,
        }
    }
}
