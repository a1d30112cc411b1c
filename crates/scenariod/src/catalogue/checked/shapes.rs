//! Turns the raw form of a shape into one that suits its fault. Reads no file.

use daemon_core::problems::Problem;
use daemon_core::values::Fraction;

use super::raw;
use crate::fault::{Fault, written_fraction};
use crate::scenario::timeline::{Shape, Stretch};

/// No graph shows more steps than that.
const MOST_STEPS: u32 = 1_000;

/// `problem_at` makes a problem of a key and a message.
pub(super) fn shape(
    raw: Option<&raw::Shape>,
    fault: &Fault,
    problem_at: &impl Fn(&str, &str) -> Problem,
) -> Result<Shape, Problem> {
    let Some(raw) = raw else { return Ok(Shape::Constant) };
    let shape = match (&raw.ramp, &raw.flap, &raw.steps) {
        (Some(ramp), None, None) => {
            let steps = ramp.steps.get();
            if !(2..=MOST_STEPS).contains(&steps) {
                return Err(problem_at("shape/ramp/steps", &format!("a ramp has 2 to {MOST_STEPS} steps")));
            }
            Shape::Ramp { from: ramp.from, to: ramp.to, steps }
        }
        (None, Some(flap), None) => Shape::Flap { on: flap.on.get(), off: flap.off.get() },
        (None, None, Some(steps)) => Shape::Steps(stretches(steps, problem_at)?),
        _ => return Err(problem_at("shape", "`shape` must have one of `ramp`, `flap` and `steps`")),
    };
    let half = Fraction::new(0.5).and_then(|half| fault.at(half));
    if shape.is_graded() && half.is_none() {
        let message = format!("{} is either on or off: use `flap`, or `steps` of 0 and 1", fault.label());
        return Err(problem_at("shape", &message));
    }
    Ok(shape)
}

fn stretches(
    raw: &[raw::Stretch],
    problem_at: &impl Fn(&str, &str) -> Problem,
) -> Result<Vec<Stretch>, Problem> {
    if raw.is_empty() {
        return Err(problem_at("shape/steps", "`steps` is an empty list"));
    }
    let one = |(index, stretch): (usize, &raw::Stretch)| {
        let level = match stretch.level {
            0.0 => None,
            level if level > 0.0 && level < 1.0 => Some(written_fraction("level", level)),
            level => Some(Fraction::new(level).ok_or_else(|| "`level` must be from 0 to 1".to_owned())),
        };
        let level = level
            .transpose()
            .map_err(|message| problem_at(&format!("shape/steps/{index}/level"), &message))?;
        Ok(Stretch { length: stretch.length.get(), level })
    };
    raw.iter().enumerate().map(one).collect()
}
