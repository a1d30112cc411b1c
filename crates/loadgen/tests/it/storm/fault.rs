//! The faults, and how each is started and ended. The load is not checked here.

use testkit::Lab;

/// The node that a fault affects, unless it affects all.
pub(crate) const VICTIM: usize = 0;

const ONE: &[&str] = &["memcached1"];
const ALL: &[&str] = &["memcached1", "memcached2", "memcached3"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// memcached is killed. The one that replaces it is empty.
    NodeKilled,
    /// memcached is paused: its kernel receives everything, but there are no replies.
    NodePaused,
    /// Toxiproxy is killed and restarts without any connection.
    ProxyKilled,
    /// The port of the node refuses connections, and open connections are closed.
    Refused,
    /// Each connection is reset soon after it was opened.
    Reset,
    /// Replies are held back and delivered when the fault ends.
    RepliesHeld,
    /// Requests are held back: writes reach the node long after their callers gave up.
    RequestsHeld,
    /// All bytes are dropped.
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

    /// The nodes with failing operations.
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

    /// Ends the fault. It has ended when this returns.
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
