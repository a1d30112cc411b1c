//! The family that counts what a scrape left out. Register it last: it counts the families before it.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use crate::family::Family;
use crate::limit;

const REFUSED: Family = Family::gauge(
    "memcache_resilience_refused_label_sets",
    &[],
    "Label sets left out of this scrape because their family has too many; must be 0",
);

pub(super) const FAMILIES: &[&Family] = &[&REFUSED];

#[derive(Debug)]
pub(crate) struct LimitFamilies;

impl Collector for LimitFamilies {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        REFUSED.encode_one(&mut encoder, limit::refused_count() as f64)
    }
}
