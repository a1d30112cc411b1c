//! From a shape as it is written to one that its fault can take. Reads no file.

use daemon_core::problems::Problem;

use super::raw;
use super::values::share_of;
use crate::fault::{Fault, Level};
use crate::scenario::timeline::{Shape, Stretch};

/// So many steps show in no graph.
const MOST_STEPS: u32 = 1_000;

/// `wrong` makes a problem of a key and a message.
pub(super) fn shape(
    raw: Option<&raw::Shape>,
    fault: Fault,
    wrong: &impl Fn(&str, &str) -> Problem,
) -> Result<Shape, Problem> {
    let Some(raw) = raw else { return Ok(Shape::Constant) };
    let shape = match (&raw.ramp, &raw.flap, &raw.steps) {
        (Some(ramp), None, None) => {
            let steps = ramp.steps.get();
            if !(2..=MOST_STEPS).contains(&steps) {
                return Err(wrong("shape/ramp/steps", &format!("a ramp has 2 to {MOST_STEPS} steps")));
            }
            let level = |key: &str, share: f64| {
                let share = share_of("strength", share).map_err(|reason| wrong(key, &reason))?;
                Level::new(share).ok_or_else(|| wrong(key, "a strength is above 0 and at most 1"))
            };
            Shape::Ramp {
                from: level("shape/ramp/from", ramp.from)?,
                to: level("shape/ramp/to", ramp.to)?,
                steps,
            }
        }
        (None, Some(flap), None) => Shape::Flap { on: flap.on.get(), off: flap.off.get() },
        (None, None, Some(steps)) => Shape::Steps(stretches(steps, wrong)?),
        _ => return Err(wrong("shape", "`shape` must have one of `ramp`, `flap` and `steps`")),
    };
    let half = Level::new(0.5).and_then(|half| fault.at(half));
    if shape.is_graded() && half.is_none() {
        let message = format!("{} is either on or off: use `flap`, or `steps` of 0 and 1", fault.label());
        return Err(wrong("shape", &message));
    }
    Ok(shape)
}

fn stretches(raw: &[raw::Stretch], wrong: &impl Fn(&str, &str) -> Problem) -> Result<Vec<Stretch>, Problem> {
    if raw.is_empty() {
        return Err(wrong("shape/steps", "`steps` is an empty list"));
    }
    let one = |(index, stretch): (usize, &raw::Stretch)| {
        let level = share_of("level", stretch.level).ok().and_then(Level::new);
        if level.is_none() && stretch.level != 0.0 {
            let message = match stretch.level {
                tiny if tiny > 0.0 && tiny < 1.0 => share_of("level", tiny).err().unwrap_or_default(),
                _ => "`level` must be from 0 to 1".to_owned(),
            };
            return Err(wrong(&format!("shape/steps/{index}/level"), &message));
        }
        Ok(Stretch { length: stretch.length.get(), level })
    };
    raw.iter().enumerate().map(one).collect()
}
