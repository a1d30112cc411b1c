//! The chains: toxic by toxic at some rates, and by simulating chunks at any rate.

use proptest::prelude::{prop_assert, proptest};

use super::*;

fn loss(rate: f64) -> PacketLoss {
    PacketLoss { rate: Fraction::new(rate).unwrap(), model: LossModel::Auto }
}

fn simple(rate: f64) -> PacketLoss {
    PacketLoss { model: LossModel::Simple, ..loss(rate) }
}

/// Latency and jitter of each toxic.
fn chain(loss: &PacketLoss) -> Vec<(i64, i64)> {
    let numbers = |kind| match kind {
        ToxicKind::Latency { latency, jitter } => (latency, jitter),
        other => unreachable!("{other:?}"),
    };
    loss.toxics().into_iter().map(numbers).collect()
}

#[test]
fn some_rates_have_the_measured_toxics() {
    let exact = |draw, rest: &[(i64, i64)]| {
        let mut chain = vec![draw];
        chain.extend([(0, 0); 9]);
        chain.push((213, 0));
        chain.extend(rest);
        chain
    };
    assert_eq!(chain(&loss(0.02)), exact((-24, 25), &[(-9984, 10400)]));
    assert_eq!(chain(&loss(0.05)), exact((-9, 10), &[(-3744, 4160)]));
    assert_eq!(chain(&loss(0.1)), exact((-4, 5), &[(-1664, 2080)]));
    assert_eq!(chain(&loss(0.5)), exact((0, 1), &[(0, 416), (0, 832)]));
    let mut wide = vec![(-146, 236)];
    wide.extend([(0, 0); 4]);
    wide.extend([(168, 0), (-624, 1040), (-1248, 2080)]);
    assert_eq!(chain(&loss(0.2)), wide);
    assert_eq!(loss(1.0).toxics(), [ToxicKind::Timeout { timeout: 0 }]);
}

#[test]
fn the_simple_model_is_one_toxic_with_the_measured_numbers() {
    let table =
        [(0.02, -9984, 10400), (0.05, -3744, 4160), (0.1, -1664, 2080), (0.2, -624, 1040), (0.5, 0, 416)];
    for (rate, latency, jitter) in table {
        assert_eq!(simple(rate).toxics(), [ToxicKind::Latency { latency, jitter }], "{rate}");
    }
    assert_eq!(simple(0.1).describe(), "packet loss 10% (simple model)");
}

#[test]
fn a_rate_is_described_in_percent() {
    for (rate, text) in [(0.07, "packet loss 7%"), (0.0005, "packet loss 0.05%"), (1.0, "packet loss 100%")] {
        assert_eq!(loss(rate).describe(), text);
    }
}

#[test]
fn the_numbers_in_force_are_exported() {
    assert_eq!(
        loss(0.1).params(),
        [
            ("loss_rate", 0.1),
            ("toxics", 12.0),
            ("latency_ms", -4.0),
            ("jitter_ms", 5.0),
            ("retransmit_ms", 213.0)
        ]
    );
    assert_eq!(loss(1.0).params(), [("loss_rate", 1.0), ("toxics", 1.0)]);
}

/// A latency toxic of Toxiproxy: how long a chunk waits with this draw, and how old it seems afterwards.
fn stage(delay: i64, age: i64) -> (i64, i64) {
    let sleep = delay - age;
    // The time stamp of the chunk moves by `sleep`, forwards or backwards. Only a positive `sleep` takes time.
    (sleep.max(0), if sleep > 0 { age } else { age - sleep })
}

/// The total delay in ms of a chunk with this draw in the first stage.
fn delay(chain: &[(i64, i64)], first: i64) -> i64 {
    let (mut total, mut age) = stage(first, 0);
    for &(latency, jitter) in &chain[1..] {
        // Further losses are not simulated: their stages pass what they did not draw.
        let (waited, older) = stage(latency - jitter, age);
        total += waited;
        age = older;
    }
    total
}

/// The share of the first stage's draws that end in a delay of more than `limit` ms.
fn share(chain: &[(i64, i64)], limit: i64) -> f64 {
    let (latency, jitter) = chain[0];
    let draws = latency - jitter..latency + jitter;
    let late = draws.clone().filter(|&first| delay(chain, first) > limit).count();
    late as f64 / draws.count() as f64
}

#[test]
fn an_exact_chain_delays_exactly_the_given_share() {
    for half in 1..=500_i64 {
        let rate = 1.0 / (2 * half) as f64;
        let chain = chain(&loss(rate));
        assert_eq!(chain[0], (1 - half, half));
        let share = share(&chain, 0);
        assert!((share - rate).abs() < 1e-9, "{rate}: {share}");
        assert_eq!(delay(&chain, 0), 213);
    }
}

proptest! {
    /// At any rate, the share of late chunks is the rate, whether late means 20 ms or half a retransmission. No first loss
    /// waits longer than a retransmission.
    #[test]
    fn the_share_of_late_chunks_is_the_rate(rate in 0.001_f64..0.99) {
        let chain = chain(&loss(rate));
        for (limit, within) in [(20, 0.06), (100, 0.03)] {
            let share = share(&chain, limit);
            prop_assert!((share - rate).abs() < within * rate + 0.002, "{rate}: {share} over {limit} ms");
        }
        let (latency, jitter) = chain[0];
        let longest = (latency - jitter..latency + jitter).map(|first| delay(&chain, first)).max().unwrap();
        prop_assert!((168..=257).contains(&longest), "{longest}");
    }

    /// Toxiproxy draws a whole number of ms from [latency - jitter, latency + jitter); a draw above 0 is a loss.
    /// The losses have the given probability, and their delay never exceeds the window.
    #[test]
    fn a_simple_loss_has_its_probability(rate in 0.001_f64..0.999) {
        let [(latency, jitter)] = chain(&simple(rate))[..] else { unreachable!("one toxic") };
        let draws = (2 * jitter) as f64;
        let losses = (latency + jitter - 1) as f64;
        prop_assert!((losses / draws - rate).abs() < 0.005 * rate.max(0.2), "{losses} of {draws}");
        prop_assert!(latency + jitter <= 416);
    }
}
