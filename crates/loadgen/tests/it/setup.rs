//! Changes to a lab that several tests make.

use testkit::Lab;

/// A toxic that drops all bytes.
pub(crate) const BLACKHOLE: &str = r#"{"name": "hole", "type": "timeout", "attributes": {"timeout": 0}}"#;

/// Keeps the breakers closed however many operations fail.
pub(crate) fn disable_breakers(lab: &Lab) {
    lab.set("client.breaker.failure_ratio", 1.0);
    lab.set("client.breaker.min_requests", 1_000_000_000);
    lab.set("client.breaker.consecutive_failures", 1_000_000_000);
}
