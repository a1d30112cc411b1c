//! Slicer: data arrives in small pieces. Pure.

use std::time::Duration;

use metrics_core::labels::FaultType;

use super::effect::Effect;
use crate::fault::toxic::ToxicKind;
use crate::text::format_duration;

/// Cuts every chunk into pieces of `size` bytes, give or take up to `variation`, `delay` apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slicer {
    size: u32,
    variation: u32,
    delay: Duration,
}

impl Slicer {
    /// `None` unless `size` is above `variation`: a piece has at least one byte.
    pub(crate) fn new(size: u32, variation: u32, delay: Duration) -> Option<Slicer> {
        (size > variation).then_some(Slicer { size, variation, delay })
    }
}

impl Effect for Slicer {
    fn label(&self) -> FaultType {
        FaultType::Slicer
    }

    fn param_names(&self) -> &'static [&'static str] {
        &["slice_bytes", "slice_variation_bytes", "slice_delay_us"]
    }

    fn toxics(&self) -> Vec<ToxicKind> {
        vec![ToxicKind::Slicer {
            average_size: i64::from(self.size),
            size_variation: i64::from(self.variation),
            delay: i64::try_from(self.delay.as_micros()).unwrap_or(i64::MAX),
        }]
    }

    fn params(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("slice_bytes", f64::from(self.size)),
            ("slice_variation_bytes", f64::from(self.variation)),
            ("slice_delay_us", self.delay.as_secs_f64() * 1e6),
        ]
    }

    fn describe(&self) -> String {
        format!("slices of {} ± {} bytes, {} apart", self.size, self.variation, format_duration(self.delay))
    }
}
