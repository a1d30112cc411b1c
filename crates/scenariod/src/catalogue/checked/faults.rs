//! From a fault as it is written to one within its bounds. Reads no file.

use std::time::Duration;

use daemon_core::problems::Problem;
use daemon_core::values::Span;

use super::raw;
use super::values::share_of;
use crate::fault::{
    Bandwidth, Blackhole, Down, Fault, Latency, LimitData, LossModel, PacketLoss, Reset, Slicer, SlowClose,
    Stall, StreamCorruption, Timeout,
};

/// Toxiproxy counts in milliseconds, and no run waits longer.
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(3600);

/// `wrong` makes a problem of a key and a message.
pub(super) fn fault(raw: &raw::Fault, wrong: &impl Fn(&str, &str) -> Problem) -> Result<Fault, Problem> {
    let bounded = |key: &str, duration: Duration| {
        if duration.is_zero() || (SHORTEST..=LONGEST).contains(&duration) {
            Ok(duration)
        } else {
            Err(wrong(key, &format!("`{key}` must be between 1ms and 1h")))
        }
    };
    let rate = |share: f64| share_of("rate", share).map_err(|reason| wrong("rate", &reason));
    let beyond = || wrong("rate", "`rate` must be above 0 and at most 1");
    let or_zero = |span: Option<Span>| span.map_or(Duration::ZERO, Span::get);
    Ok(match raw {
        raw::Fault::Latency { delay, jitter } => Fault::Latency(Latency {
            delay: bounded("delay", delay.get())?,
            jitter: bounded("jitter", or_zero(*jitter))?,
        }),
        raw::Fault::PacketLoss { rate: share, model } => {
            let model = match model {
                raw::LossModel::Auto => LossModel::Auto,
                raw::LossModel::Simple => LossModel::Simple,
            };
            Fault::PacketLoss(PacketLoss::new(rate(*share)?, model).ok_or_else(beyond)?)
        }
        raw::Fault::Blackhole {} => Fault::Blackhole(Blackhole),
        raw::Fault::Stall {} => Fault::Stall(Stall),
        raw::Fault::Timeout { after } => Fault::Timeout(Timeout { after: bounded("after", after.get())? }),
        raw::Fault::Reset { after } => Fault::Reset(Reset { after: bounded("after", or_zero(*after))? }),
        raw::Fault::Bandwidth { rate } => Fault::Bandwidth(Bandwidth { rate: rate.get() }),
        raw::Fault::SlowClose { delay } => {
            Fault::SlowClose(SlowClose { delay: bounded("delay", delay.get())? })
        }
        raw::Fault::Slicer { size, variation, delay } => {
            let delay = or_zero(*delay);
            if delay > LONGEST {
                return Err(wrong("delay", "`delay` must be at most 1h"));
            }
            let slicer = Slicer::new(size.get(), variation.unwrap_or(0), delay);
            Fault::Slicer(slicer.ok_or_else(|| wrong("variation", "`variation` must be below `size`"))?)
        }
        raw::Fault::LimitData { bytes } => Fault::LimitData(LimitData { bytes: bytes.get() }),
        raw::Fault::Down {} => Fault::Down(Down),
        raw::Fault::StreamCorruption { rate: share } => {
            Fault::StreamCorruption(StreamCorruption::new(rate(*share)?).ok_or_else(beyond)?)
        }
    })
}
