//! The profile is exact: starts and counts agree with each other and with integer arithmetic.

use std::time::Duration;

use proptest::prelude::*;

use super::{LoadProfile, MAX_RAMP, Ramp, Rate, Schedule};

const NANO: Duration = Duration::from_nanos(1);

fn rate() -> impl Strategy<Value = Rate> {
    prop_oneof![Just(1), Just(2), Just(3), Just(50_000), Just(200_000), 1..=200_000u32]
        .prop_map(|rate| Rate::new(rate).unwrap())
}

fn ramp() -> impl Strategy<Value = Ramp> {
    let over = prop_oneof![
        Just(1),
        Just(MAX_RAMP.as_nanos() as u64),
        1..=MAX_RAMP.as_nanos() as u64,
        1..100_000_000_000u64
    ];
    (rate(), rate(), over)
        .prop_map(|(from, to, over)| Ramp::new(from, to, Duration::from_nanos(over)).unwrap())
}

fn profile() -> impl Strategy<Value = LoadProfile> {
    prop_oneof![rate().prop_map(LoadProfile::Constant), ramp().prop_map(LoadProfile::Ramp)]
}

/// Numbers from the first operations up to those of two days at the highest rate.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000u64, 0..1_000_000u64, 0..40_000_000_000u64]
}

fn constant(rate: u32) -> LoadProfile {
    LoadProfile::Constant(Rate::new(rate).unwrap())
}

proptest! {
    /// An operation is due at the nanosecond of its start and not one nanosecond earlier.
    #[test]
    fn starts_and_counts_agree(profile in profile(), number in number()) {
        let start = profile.start(number);
        prop_assert!(profile.due(start) > number, "{} due at {start:?}", profile.due(start));
        if let Some(before) = start.checked_sub(NANO) {
            prop_assert!(profile.due(before) <= number, "{} due before {start:?}", profile.due(before));
        }
    }

    /// Starts and counts never decrease.
    #[test]
    fn starts_and_counts_never_decrease(profile in profile(), number in number(), step in 0..1_000u64) {
        let (early, late) = (profile.start(number), profile.start(number + step));
        prop_assert!(early <= late);
        prop_assert!(profile.due(early) <= profile.due(late));
    }

    /// At a constant rate, operation n starts within a nanosecond after n / rate, however long the load runs.
    #[test]
    fn a_constant_rate_does_not_drift(rate in rate(), number: u64) {
        let nanos = LoadProfile::Constant(rate).start(number).as_nanos();
        let exact = u128::from(number) * 1_000_000_000;
        let reached = nanos * u128::from(rate.get());
        prop_assert!(reached >= exact && reached < exact + u128::from(rate.get()));
    }

    /// By its end, a ramp has started the mean of its rates times its length. Then it continues at a constant rate.
    #[test]
    fn a_ramp_starts_the_mean_of_its_rates(ramp in ramp(), later in 0..1_000u64) {
        let (from, to, over) = (u128::from(ramp.from.get()), u128::from(ramp.to.get()), u128::from(ramp.over));
        let profile = LoadProfile::Ramp(ramp);
        let end = Duration::from_nanos(ramp.over);
        let expected = over * (from + to) / 2_000_000_000;
        prop_assert_eq!(u128::from(profile.due(end)), expected + 1);
        let more = profile.due(end + Duration::from_secs(later)) - profile.due(end);
        prop_assert_eq!(more, later * u64::from(ramp.to.get()));
    }

    /// The time between two operations of a ramp is between those of its two rates, rounded to nanoseconds.
    #[test]
    fn a_ramp_stays_between_its_rates(ramp in ramp(), number in number()) {
        let profile = LoadProfile::Ramp(ramp);
        let gap = (profile.start(number + 1) - profile.start(number)).as_nanos();
        let (slow, fast) = (ramp.from.min(ramp.to).get(), ramp.from.max(ramp.to).get());
        prop_assert!(gap >= 1_000_000_000 / u128::from(fast) - 1, "{gap}");
        prop_assert!(gap <= 1_000_000_000u128.div_ceil(u128::from(slow)) + 1, "{gap}");
    }

    /// A ramp between equal rates equals that constant rate.
    #[test]
    fn a_level_ramp_is_constant(rate in rate(), over in 1..MAX_RAMP.as_nanos() as u64, number in number()) {
        let level = LoadProfile::Ramp(Ramp::new(rate, rate, Duration::from_nanos(over)).unwrap());
        let constant = LoadProfile::Constant(rate);
        let (start, at) = (level.start(number), Duration::from_nanos(number));
        prop_assert_eq!(start, constant.start(number));
        prop_assert_eq!(level.due(at), constant.due(at));
    }

    /// All threads together have every operation exactly once, at the profile's time, and the same count as the profile.
    #[test]
    fn threads_share_the_profile(profile in profile(), threads in 1..9u64, number in number(), at_ns in 0..100_000_000_000u64) {
        let thread = |thread| Schedule::new(profile, thread, threads).unwrap();
        let mine = thread(number % threads);
        prop_assert_eq!(mine.number(number / threads), number);
        prop_assert_eq!(mine.start(number / threads), profile.start(number));
        let at = Duration::from_nanos(at_ns);
        prop_assert_eq!((0..threads).map(|i| thread(i).due(at)).sum::<u64>(), profile.due(at));
        prop_assert!(mine.due(mine.start(number / threads)) > number / threads);
    }
}

#[test]
fn three_hours_at_any_rate_are_exact() {
    let hours = Duration::from_secs(3 * 60 * 60);
    for rate in [1, 7, 3_000, 50_000, 200_000] {
        let profile = constant(rate);
        let number = u64::from(rate) * hours.as_secs();
        assert_eq!(profile.start(number), hours);
        assert_eq!(profile.due(hours), number + 1);
        assert_eq!(profile.due(hours - NANO), number);
    }
    assert_eq!(constant(3).start(1), Duration::from_nanos(333_333_334));
}

#[test]
fn a_ramp_matches_a_calculation_by_hand() {
    let rate = |rate| Rate::new(rate).unwrap();
    let up = LoadProfile::Ramp(Ramp::new(rate(1), rate(3), Duration::from_secs(2)).unwrap());
    // t + t^2 / 2: 4 operations in 2 s, then 3 per second.
    assert_eq!(up.start(4), Duration::from_secs(2));
    assert_eq!(up.start(7), Duration::from_secs(3));
    assert_eq!(up.start(1), Duration::from_nanos(732_050_808));
    assert_eq!(up.rate(Duration::from_secs(1)), 2.0);
    assert_eq!(up.rate(Duration::from_secs(9)), 3.0);
}

#[test]
fn values_out_of_range_are_refused_and_the_largest_do_not_overflow() {
    assert_eq!((Rate::new(0), Rate::new(200_001)), (None, None));
    let (slow, fast) = (Rate::new(1).unwrap(), Rate::new(200_000).unwrap());
    assert_eq!(Ramp::new(slow, fast, Duration::ZERO), None);
    assert_eq!(Ramp::new(slow, fast, MAX_RAMP + NANO), None);
    assert_eq!(Schedule::new(constant(1), 2, 2), None);
    for (from, to) in [(slow, fast), (fast, slow), (fast, fast)] {
        let profile = LoadProfile::Ramp(Ramp::new(from, to, MAX_RAMP).unwrap());
        assert!(profile.start(u64::MAX) >= profile.start(u64::MAX - 1));
        assert_eq!(profile.due(Duration::MAX), u64::MAX);
    }
}
