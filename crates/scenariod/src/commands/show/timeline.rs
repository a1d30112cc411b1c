//! The strength of each fault of a plan over time, drawn in text. Pure.

use std::fmt::Write;
use std::time::Duration;

use crate::plan::{Plan, PlannedFault};
use crate::text::format_duration;

/// Columns of the drawing.
const WIDTH: u32 = 60;
/// One line per node and fault: `.` is off, `1` to `9` are tenths of its strength, `#` is its full strength.
pub(crate) fn draw(text: &mut String, plan: &Plan) {
    let phases = &plan.phases;
    let begin = phases.stabilization;
    let end = begin.saturating_add(phases.testing);
    let column = end.saturating_add(phases.recovery) / WIDTH;
    let width = plan.faults.iter().map(|assigned| assigned.server.len()).max().unwrap_or_default();
    for assigned in &plan.faults {
        let at = |n: u32| {
            // Ten moments per column, so that a short fault is not lost.
            let from = column.saturating_mul(n);
            let moments = (0..10).map(|tenth| from.saturating_add(column.mul_f64(0.1 * f64::from(tenth))));
            let inside = moments.filter(|moment| (begin..end).contains(moment));
            let levels = inside.map(|moment| strength(assigned, moment - begin, phases.testing));
            match levels.max().unwrap_or_default() {
                0 => '.',
                10 => '#',
                tenths => char::from_digit(tenths, 10).unwrap_or('#'),
            }
        };
        let line: String = (0..WIDTH).map(at).collect();
        let fault = assigned.course.fault.label();
        let _ = writeln!(text, "{:width$}  {line}  {fault}", assigned.server);
    }
    let mark = |at: Duration| {
        let share = at.as_secs_f64() / (column.as_secs_f64() * f64::from(WIDTH)).max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few columns"
        )]
        let column = (share * f64::from(WIDTH)).round() as usize;
        column
    };
    let mut ruler = vec![' '; WIDTH as usize];
    for at in [0, mark(begin), mark(end)] {
        if let Some(place) = ruler.get_mut(at) {
            *place = '|';
        }
    }
    let ruler: String = ruler.into_iter().collect();
    let _ = writeln!(text, "{:width$}  {ruler}|", "");
    let _ = writeln!(
        text,
        "{:width$}  stabilization {}, testing {}, recovery {}",
        "",
        format_duration(phases.stabilization),
        format_duration(phases.testing),
        format_duration(phases.recovery)
    );
}

/// In tenths, at least 1 while the fault is on.
fn strength(assigned: &PlannedFault, elapsed: Duration, testing: Duration) -> u32 {
    assigned.course.level(elapsed, testing).map_or(0, |level| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a level is at most 1")]
        let tenths = (level.get() * 10.0).floor() as u32;
        tenths.max(1)
    })
}
