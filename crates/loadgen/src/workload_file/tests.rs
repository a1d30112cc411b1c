//! The shipped workloads are valid, and all problems of a file are reported with their lines.

use daemon_core::yaml::Document;
use std::time::Duration;

use super::UserWorkload;
use crate::config::presets::WORKLOADS;
use crate::keys::{KeySpace, MAX_KEYS};
use crate::payload::{MAX_SIZE, Sizes, Ttl, Ttls, WeightedSizes};
use crate::popularity::Popularity;
use crate::profile::{LoadProfile, Ramp, Rate};
use crate::value::MIN_SIZE;
use crate::workload::Weights;
use crate::zipf::Zipf;

fn shipped(name: &str) -> UserWorkload {
    let path = format!("{}/../../config/workloads/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap();
    UserWorkload::read(&Document::parse(format!("{name}.yaml"), text).unwrap()).unwrap()
}

fn read(text: &str) -> Result<UserWorkload, Vec<String>> {
    let read = Document::parse("w.yaml", text).and_then(|document| UserWorkload::read(&document));
    read.map_err(|problems| problems.to_string().lines().map(str::to_owned).collect())
}

#[track_caller]
fn assert_problems(text: &str, problems: &[&str]) {
    assert_eq!(read(text).unwrap_err(), problems);
}

/// A valid file with one more line, which is tested.
fn with(line: &str) -> String {
    format!("name: w\nweights: {{ get: 100 }}\n{line}\n")
}

#[test]
fn the_plain_workloads_differ_only_in_their_weights() {
    let weights = |get, set, delete, increment| Weights { get, set, delete, increment };
    for (name, weights) in [
        ("mixed", weights(60, 30, 5, 5)),
        ("get", weights(100, 0, 0, 0)),
        ("get-heavy", weights(95, 5, 0, 0)),
        ("set-heavy", weights(20, 80, 0, 0)),
    ] {
        let expected = UserWorkload {
            name: name.to_owned(),
            weights,
            popularity: Popularity::Hot(KeySpace { keys: 10_000, hot_keys: 10 }),
            sizes: Sizes::Fixed(100),
            ttls: Ttls::Forever,
            load: None,
            warm_up: 10_000,
        };
        assert_eq!(shipped(name), expected);
    }
}

#[test]
fn every_shipped_file_is_valid_and_named_after_its_workload() {
    let mut names = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/workloads");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert_eq!(shipped(&name).name, name);
        names.push(name);
    }
    names.sort();
    let mut shelf: Vec<&str> = WORKLOADS.iter().map(|shipped| shipped.name).collect();
    shelf.sort_unstable();
    assert_eq!(names, shelf);
    assert!(matches!(shipped("zipf").popularity, Popularity::Zipf(_)));
}

#[test]
fn a_file_with_all_keys_is_read_completely() {
    let text = "\
name: session-store
weights: { get: 70, set: 20, delete: 10 }
keys: 5000
zipf: 0.99
value_size: [{ size: 100, weight: 9 }, { size: 4096, weight: 1 }]
ttl: { min: 30s, max: 5m }
load: { from: 100, to: 5000, over: 2m }
warm_up: 1000
";
    let rate = |rate| Rate::new(rate).unwrap();
    let ttl = |seconds| Ttl::new(Duration::from_secs(seconds)).unwrap();
    let expected = UserWorkload {
        name: "session-store".to_owned(),
        weights: Weights { get: 70, set: 20, delete: 10, increment: 0 },
        popularity: Popularity::Zipf(Zipf::new(5_000, 0.99).unwrap()),
        sizes: Sizes::Weighted(WeightedSizes::new([(100, 9), (4_096, 1)]).unwrap()),
        ttls: Ttls::Range { min: ttl(30), max: ttl(300) },
        load: Some(LoadProfile::Ramp(Ramp::new(rate(100), rate(5_000), Duration::from_secs(120)).unwrap())),
        warm_up: 1_000,
    };
    assert_eq!(read(text), Ok(expected));
}

#[test]
fn short_forms_set_a_single_value() {
    let workload =
        read(&with("value_size: 64\nttl: 60s\nload: { rate: 200000 }\nwarm_up: 0\nkeys: 5")).unwrap();
    assert_eq!(workload.sizes, Sizes::Fixed(64));
    assert_eq!(workload.ttls, Ttls::Fixed(Ttl::new(Duration::from_secs(60)).unwrap()));
    assert_eq!(workload.load, Some(LoadProfile::Constant(Rate::new(200_000).unwrap())));
    assert_eq!(workload.warm_up, 0);
    assert_eq!(workload.popularity, Popularity::Hot(KeySpace { keys: 5, hot_keys: 5 }));
    let range = read(&with("value_size: { min: 32, max: 1000000 }")).unwrap();
    assert_eq!(range.sizes, Sizes::Range { min: MIN_SIZE, max: MAX_SIZE });
}

#[test]
fn the_limits_of_the_file_are_those_of_the_values() {
    let keys = |keys: u64| read(&with(&format!("keys: {keys}")));
    assert!(keys(MAX_KEYS).is_ok());
    assert_problems(
        &with(&format!("keys: {}", MAX_KEYS + 1)),
        &["w.yaml:3: `keys` is 10000000001, must be at most 10000000000"],
    );
    assert_problems(&with("value_size: 31"), &["w.yaml:3: `value_size` is 31, must be at least 32"]);
    assert_problems(
        &with("value_size: 1048576"),
        &["w.yaml:3: `value_size` is 1048576, must be at most 1000000"],
    );
    assert_problems(&with("load: { rate: 0 }"), &["w.yaml:3: `rate` is 0, must be at least 1"]);
    assert_problems(&with("load: { rate: 200001 }"), &["w.yaml:3: `rate` is 200001, must be at most 200000"]);
    assert_problems(&with("zipf: 0"), &["w.yaml:3: `zipf` is 0, must be at least 0.01"]);
    assert_problems(&with("keys: 0"), &["w.yaml:3: `keys` is 0, must be at least 1"]);
}

#[test]
fn all_invalid_values_are_reported_at_once() {
    assert_problems(
        "\
name: My Workload
weights:
  get: 60
  set: 35
keys: 100
hot_keys: 200
value_size:
  min: 200
  max: 100
ttl:
  min: 90s
  max: 744h 60s
load:
  from: 1
  to: 10
  over: 1500m
warm_up: 101
",
        &[
            "w.yaml:1: invalid workload name `My Workload`: use lowercase letters, digits and dashes, and no dash at the start",
            "w.yaml:3: the sum of `weights` is 95, must be 100",
            "w.yaml:6: `hot_keys` is 200, must be at most the number of keys, 100",
            "w.yaml:9: `max` is 100, must be at least `min`, which is 200",
            "w.yaml:12: `max` is 744h 60s, must be at most 30 days",
            "w.yaml:16: `over` is 1500m, must be at most 24h",
            "w.yaml:17: `warm_up` is 101, must be at most the number of keys, 100",
        ],
    );
    assert_problems(
        &with("keys: 2000000\nhot_keys: 10\nzipf: 1\nttl: 1500ms\nvalue_size: []"),
        &[
            "w.yaml:3: `keys` is 2000000, must be at most 1000000 with `zipf`",
            "w.yaml:5: `zipf` and `hot_keys` cannot both be set",
            "w.yaml:6: `ttl` is 1500ms, must be whole seconds",
            "w.yaml:7: `value_size` must not be empty",
        ],
    );
}

#[test]
fn unknown_keys_and_wrong_types_are_reported_with_a_suggestion() {
    assert_problems(
        "\
nmae: w
weights: { gets: 100 }
ttl: soon
value_size: big
load: { rate: 10, form: 1 }
",
        &[
            "w.yaml:1: missing key `name` in the file",
            "w.yaml:1: unknown key `nmae` in the file, did you mean `name`?",
            "w.yaml:2: unknown key `gets` in `weights`, did you mean `get`?",
            "w.yaml:3: `ttl` is `soon`: not a duration, write it like `500ms`, `30s` or `2m`",
            "w.yaml:4: `value_size` must be a whole number or a mapping or a list, found `big`",
            "w.yaml:5: unknown key `form` in `load`",
        ],
    );
    assert_problems(
        &with("value_size: [{ size: 1, wieght: 2 }]"),
        &[
            "w.yaml:3: `size` is 1, must be at least 32",
            "w.yaml:3: missing key `weight` in `value_size`",
            "w.yaml:3: unknown key `wieght` in `value_size`, did you mean `weight`?",
        ],
    );
    assert_problems(
        &with("load: { form: 1 }"),
        &["w.yaml:3: unknown key `form` in `load`, did you mean `from`?"],
    );
}
