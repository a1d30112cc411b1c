//! Timelines at chosen times, and properties at any time.

use proptest::prelude::{Just, Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::*;

const TESTING: Duration = Duration::from_secs(60);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn level(level: f64) -> Fraction {
    Fraction::new(level).unwrap()
}

fn slow(shape: Shape) -> Course {
    Course { fault: Fault::from_yaml("{ fault: latency, delay: 1s }"), shape }
}

/// The delay in ms at each second of a minute; 0 is off.
fn delays(course: &Course) -> Vec<f64> {
    (0..60).map(|s| course.at(seconds(s), TESTING).map_or(0.0, |fault| fault.params()[0].1)).collect()
}

fn runs(values: &[f64]) -> Vec<(f64, usize)> {
    let chunks = values.chunk_by(|a, b| (a - b).abs() < 1e-6);
    chunks.map(|chunk| ((chunk[0] * 1e3).round() / 1e3, chunk.len())).collect()
}

#[test]
fn each_shape_has_its_levels() {
    assert_eq!(runs(&delays(&slow(Shape::Constant))), [(1000.0, 60)]);
    let ramp = Shape::Ramp { from: level(0.1), to: level(1.0), steps: 4 };
    assert_eq!(runs(&delays(&slow(ramp))), [(100.0, 15), (400.0, 15), (700.0, 15), (1000.0, 15)]);
    let down = Shape::Ramp { from: level(1.0), to: level(0.5), steps: 2 };
    assert_eq!(runs(&delays(&slow(down))), [(1000.0, 30), (500.0, 30)]);
    let flap = Shape::Flap { on: seconds(20), off: seconds(10) };
    assert_eq!(runs(&delays(&slow(flap))), [(1000.0, 20), (0.0, 10), (1000.0, 20), (0.0, 10)]);
    let steps = Shape::Steps(vec![
        Stretch { length: seconds(5), level: None },
        Stretch { length: seconds(10), level: Some(level(0.5)) },
        Stretch { length: seconds(1), level: Some(Fraction::ONE) },
    ]);
    assert_eq!(runs(&delays(&slow(steps))), [(0.0, 5), (500.0, 10), (1000.0, 1), (0.0, 44)]);
}

#[test]
fn a_ramp_of_packet_loss_uses_any_rate() {
    let fault = Fault::from_yaml("{ fault: packet_loss, rate: 0.2 }");
    let course = Course { fault, shape: Shape::Ramp { from: level(0.1), to: level(1.0), steps: 10 } };
    let rates: Vec<f64> =
        (0..10).map(|n| course.at(seconds(n * 6), TESTING).unwrap().params()[0].1).collect();
    let expected: Vec<f64> = (1..=10).map(|n| 0.02 * f64::from(n)).collect();
    assert!(rates.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-9), "{rates:?}");
}

fn shape() -> impl Strategy<Value = Shape> {
    let share = || (0.01_f64..=1.0).prop_map(level);
    let length = || (1_u64..40_000).prop_map(Duration::from_millis);
    let stretch =
        (length(), proptest::option::of(share())).prop_map(|(length, level)| Stretch { length, level });
    prop_oneof![
        Just(Shape::Constant),
        (share(), share(), 2_u32..50).prop_map(|(from, to, steps)| Shape::Ramp { from, to, steps }),
        (length(), length()).prop_map(|(on, off)| Shape::Flap { on, off }),
        proptest::collection::vec(stretch, 1..8).prop_map(Shape::Steps),
    ]
}

proptest! {
    /// Between two changes nothing changes. The next change is after the given time. A late call finds the same changes as
    /// one in time.
    #[test]
    fn the_level_changes_only_at_changes(shape in shape(), at in 0_u64..60_000, late in 0.0_f64..1.0) {
        let course = slow(shape);
        let at = Duration::from_millis(at);
        let next = course.next_change(at, TESTING);
        let end = next.unwrap_or(TESTING);
        prop_assert!(end > at && end <= TESTING);
        let between = at + (end - at).mul_f64(late * 0.999);
        prop_assert_eq!(course.at(between, TESTING), course.at(at, TESTING));
        prop_assert_eq!(course.next_change(between, TESTING), next);
    }

    /// At another time scale, a shape has the same levels for longer or shorter.
    #[test]
    fn scaled_shapes_have_the_same_levels(shape in shape(), at in 0_u64..60_000) {
        let at = Duration::from_millis(at);
        let half = slow(shape.scaled(|length| length * 2));
        prop_assert_eq!(half.at(at * 2, TESTING * 2), slow(shape).at(at, TESTING));
    }
}
