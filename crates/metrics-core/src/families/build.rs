//! The version of the daemon as a gauge that is always 1.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::family::Family;

const BUILD_INFO: Family = Family::gauge(
    "memcache_resilience_build_info",
    &["version", "revision"],
    "Always 1; the labels are the version and the source revision of this build",
);

pub(super) const FAMILIES: &[&Family] = &[&BUILD_INFO];

#[derive(Debug)]
pub(crate) struct BuildInfo;

impl Collector for BuildInfo {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        // A build from a source archive has no revision.
        let revision = option_env!("LAB_REVISION").unwrap_or("unknown");
        BUILD_INFO.encode(&mut encoder, |series| series.number(&[env!("CARGO_PKG_VERSION"), revision], 1.0))
    }
}
