//! What holds for every kind of fault. The kinds are found in the schema, so a new one is tested without a line here.

use std::collections::BTreeSet;

use schemars::schema_for;
use serde_json::Value;

use super::toxic::ToxicKind;
use super::*;

mod places;

/// The schema of each kind, by its word.
fn kinds() -> Vec<(String, Value)> {
    let schema = schema_for!(Fault);
    let word = |kind: &Value| kind["properties"]["fault"]["const"].as_str().unwrap().to_owned();
    let kinds = schema.as_value()["oneOf"].as_array().unwrap();
    kinds.iter().map(|kind| (word(kind), kind.clone())).collect()
}

/// Each kind with its needed keys only, and with all its keys, at their least values; and packet loss at the rates of its
/// chains.
fn examples() -> Vec<Fault> {
    let value = |key: &Value| {
        let least =
            [&key["x-from"], &key["minimum"], &key["enum"][0]].into_iter().find(|value| !value.is_null());
        least.unwrap().clone()
    };
    let example = |word: &str, kind: &Value, all: bool| {
        let mut text = format!("{{ fault: {word}");
        for (key, schema) in kind["properties"].as_object().unwrap().iter().filter(|(key, _)| *key != "fault")
        {
            if all || kind["required"].as_array().unwrap().contains(&Value::from(key.as_str())) {
                text += &format!(", {key}: {}", value(schema));
            }
        }
        Fault::from_yaml(&format!("{text} }}"))
    };
    let of_kind = |(word, kind): &(String, Value)| [example(word, kind, false), example(word, kind, true)];
    let loss = |rate: &f64| Fault::from_yaml(&format!("{{ fault: packet_loss, rate: {rate} }}"));
    kinds().iter().flat_map(of_kind).chain([0.1, 0.3, 1.0].iter().map(loss)).collect()
}

fn toxics(text: &str) -> Vec<ToxicKind> {
    Fault::from_yaml(text).kind().toxics()
}

#[test]
fn both_directions_have_the_same_toxics_once_per_stream() {
    let fault = Fault::from_yaml("{ fault: latency, delay: 100ms }");
    let kind = ToxicKind::Latency { latency: 100, jitter: 0 };
    let toxic = |stream| Toxic { stream, share: Fraction::ONE, kind };
    assert_eq!(
        fault.toxics(Direction::Both, Fraction::ONE),
        [toxic(Stream::Requests), toxic(Stream::Replies)]
    );
    assert_eq!(fault.toxics(Direction::default(), Fraction::ONE), [toxic(Stream::Replies)]);
    let down = Fault::from_yaml("{ fault: down }");
    assert_eq!(down.toxics(Direction::Both, Fraction::ONE).len(), 1, "one marker per proxy");
}

#[test]
fn exported_parameters_are_declared() {
    for fault in examples() {
        for (name, _) in fault.params() {
            assert!(fault.param_names().contains(&name), "{fault:?}: {name}");
        }
    }
}

#[test]
fn every_label_is_the_word_of_one_kind() {
    let words: Vec<String> = kinds().into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, FaultType::ALL.map(FaultType::as_str));
    let labels: Vec<&str> = examples().iter().map(|fault| fault.label().as_str()).collect();
    assert!(words.iter().zip(labels.chunks(2)).all(|(word, labels)| labels == [word, word]), "{labels:?}");
}

#[test]
fn the_faults_have_the_toxics_that_their_names_promise() {
    assert_eq!(toxics("{ fault: blackhole }"), [ToxicKind::Timeout { timeout: 0 }]);
    assert_eq!(toxics("{ fault: stall }"), [ToxicKind::Bandwidth { rate: 0 }]);
    assert_eq!(toxics("{ fault: down }"), [ToxicKind::Marker]);
    assert_eq!(toxics("{ fault: reset }"), [ToxicKind::ResetPeer { timeout: 0 }]);
}

#[test]
fn a_slicer_is_described_with_its_microseconds() {
    let slicer = Fault::from_yaml("{ fault: slicer, size: 8, variation: 4, delay: 100us }");
    assert_eq!(slicer.describe(), "slices of 8 ± 4 bytes, 100us apart");
}

#[test]
fn an_on_off_fault_has_no_strength_in_between() {
    let half = Fraction::new(0.5).unwrap();
    for fault in examples() {
        assert_eq!(fault.at(Fraction::ONE), Some(fault));
    }
    assert_eq!(Fault::from_yaml("{ fault: down }").at(half), None);
    let latency = Fault::from_yaml("{ fault: latency, delay: 1s }");
    assert_eq!(latency.at(half).unwrap().params()[0].1, 500.0);
    let throttled = Fault::from_yaml("{ fault: bandwidth, rate: 1 }");
    assert_eq!(throttled.at(half), Some(throttled), "no ramp turns it into a stall");
}

#[test]
fn a_kind_that_ends_connections_is_known_as_one() {
    let ends = |fault: &Fault| fault.effect_on_connections() == ConnectionEffect::End;
    let found: BTreeSet<&str> =
        examples().iter().filter(|fault| ends(fault)).map(|f| f.label().as_str()).collect();
    assert_eq!(found, BTreeSet::from(["limit_data", "reset", "slow_close", "timeout"]));
}
