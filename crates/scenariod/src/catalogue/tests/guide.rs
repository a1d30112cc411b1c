//! Checks the tables of docs/writing-scenarios.md: every key, default, bound and word must be what the reader accepts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use std::path::Path;

use super::{HEAD, problems};
use crate::catalogue::raw::{Choice, Family, FaultEntry, Scenario, expect};
use crate::fault::Fault;

mod fault_table;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/writing-scenarios.md");
    std::fs::read_to_string(path).unwrap()
}

/// The cells of the table below a title, without backticks.
fn table(title: &str) -> Vec<Vec<String>> {
    let page = page();
    let below = page.split(&format!("\n## {title}\n")).nth(1).unwrap();
    let below = below.split("\n## ").next().unwrap();
    let rows = below.lines().filter(|line| line.starts_with('|')).skip(2);
    let cell = |cell: &str| cell.trim().replace('`', "");
    rows.map(|row| row.trim_matches('|').split('|').map(cell).collect()).collect()
}

/// The keys of a mapping; `true` for a needed one.
fn keys(schema: &Value) -> BTreeMap<String, bool> {
    let needed: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let keys = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key);
    keys.map(|key| (key.clone(), needed.contains(&key.as_str()))).collect()
}

fn keys_of<T: JsonSchema>() -> BTreeMap<String, bool> {
    keys(schema_for!(T).as_value())
}

/// Each fault with its keys.
fn faults() -> BTreeMap<String, BTreeMap<String, bool>> {
    let schema = schema_for!(Fault);
    let one = |variant: &Value| {
        let mut keys = keys(variant);
        keys.remove("fault");
        (variant["properties"]["fault"]["const"].as_str().unwrap().to_owned(), keys)
    };
    schema.as_value()["oneOf"].as_array().unwrap().iter().map(one).collect()
}

/// The row of one key of a fault.
struct Row {
    fault: String,
    key: String,
    from: String,
    to: String,
    left_out: String,
}

fn rows() -> Vec<Row> {
    let mut fault = String::new();
    let mut row = |cells: Vec<String>| {
        let [named, _, key, from, to, left_out] = <[String; 6]>::try_from(cells).unwrap();
        if !named.is_empty() {
            fault = named;
        }
        Row { fault: fault.clone(), key, from, to, left_out }
    };
    table("Faults").into_iter().map(&mut row).collect()
}

/// The result of reading a scenario whose fault has this value, with its other needed keys at their least values.
fn read(rows: &[Row], row: &Row, value: Option<&str>) -> String {
    let others = rows
        .iter()
        .filter(|other| other.fault == row.fault && other.key != row.key && other.left_out == "needed");
    let others = others.map(|other| format!(", {}: {}", other.key, other.from));
    let own = value.map(|value| format!(", {}: {value}", row.key));
    let keys: String = others.chain(own).collect();
    problems(&scenario(&format!("fault: {}{keys}", row.fault)))
}

fn scenario(fault: &str) -> String {
    format!("{HEAD}  - name: a\n    about: b\n    faults: [{{ target: m, {fault} }}]\n")
}

#[test]
fn the_guide_has_every_form_of_a_target() {
    let rows = table("Targets");
    for row in &rows {
        let fault = format!("[{{ target: {}, fault: down }}]", row[0]);
        let read = problems(&format!("{HEAD}  - name: a\n    about: b\n    faults: {fault}\n"));
        assert!(is_sound(&read), "{}: {read}", row[0]);
    }
    let forms: Vec<String> = rows.iter().map(|row| row[0].clone()).collect();
    let keys = keys_of::<Choice>();
    for key in keys.keys() {
        assert!(forms.iter().any(|form| form.starts_with(&format!("{{ {key}: "))), "{key}");
    }
    assert_eq!(forms.len(), keys.len() + 3);
}

fn is_sound(read: &str) -> bool {
    read.starts_with('[')
}

/// The nearest values outside the bounds.
fn beyond(row: &Row) -> Vec<String> {
    let outside = |bound: &str, by: f64| match (bound, bound.parse::<f64>()) {
        ("1ms", _) => "999us".to_owned(),
        ("1h", _) => "3600001ms".to_owned(),
        ("0s", _) => "-1s".to_owned(),
        ("below size", _) => "1".to_owned(),
        (_, Ok(bound)) if bound > 0.0 && bound < 1.0 => (bound / 2.0).to_string(),
        (_, Ok(bound)) => (bound + by).to_string(),
        (word, Err(_)) => panic!("{}: {word}", row.key),
    };
    vec![outside(&row.from, -1.0), outside(&row.to, 1.0)]
}

#[test]
fn the_guide_has_every_key_and_tells_which_are_needed() {
    let mut fault = keys_of::<FaultEntry>();
    fault.insert("fault".to_owned(), true);
    let code = BTreeMap::from([
        ("file", keys_of::<Family>()),
        ("scenario", keys_of::<Scenario>()),
        ("fault", fault),
        ("expect", keys_of::<expect::Expectation>()),
        ("stop_when", keys_of::<expect::StopRule>()),
    ]);
    let rows = table("Keys");
    let mut guide: BTreeMap<&str, BTreeMap<String, bool>> = BTreeMap::new();
    for row in &rows {
        guide.entry(&row[0]).or_default().insert(row[1].clone(), row[2] == "needed");
    }
    assert_eq!(guide, code);
}

#[test]
fn the_guide_has_every_fault_with_its_keys() {
    let mut guide: BTreeMap<String, BTreeMap<String, bool>> = BTreeMap::new();
    for row in rows() {
        let keys = guide.entry(row.fault).or_default();
        if !row.key.is_empty() {
            keys.insert(row.key, row.left_out == "needed");
        }
    }
    assert_eq!(guide, faults());
}

#[test]
fn the_bounds_and_defaults_of_the_guide_are_correct() {
    let rows = rows();
    for row in rows.iter().filter(|row| !row.key.is_empty()) {
        let name = format!("{} of {}", row.key, row.fault);
        let read = |value: Option<&str>| read(&rows, row, value);
        let (inside, outside) = if row.from.contains(" or ") {
            (row.from.split(" or ").collect(), vec!["zebra".to_owned()])
        } else {
            let numbers = [row.from.as_str(), row.to.as_str()].into_iter();
            (numbers.filter(|bound| *bound != "below size").collect::<Vec<_>>(), beyond(row))
        };
        for value in inside {
            assert!(is_sound(&read(Some(value))), "{name}: {value}: {}", read(Some(value)));
        }
        for value in outside {
            assert!(!is_sound(&read(Some(&value))), "{name}: {value} is read");
        }
        if row.left_out == "needed" {
            assert!(!is_sound(&read(None)), "{name} is not needed");
        } else {
            assert_eq!(read(None), read(Some(&row.left_out)), "{name}");
        }
    }
}

#[test]
fn the_guide_has_valid_shapes_and_names_the_faults_with_a_strength() {
    let rows = rows();
    let shapes = table("Shapes");
    let with = |fault: &str, shape: &str| {
        let needed = rows.iter().filter(|row| row.fault == fault && row.left_out == "needed");
        let keys: String = needed.map(|row| format!(", {}: {}", row.key, row.from)).collect();
        is_sound(&problems(&scenario(&format!("fault: {fault}{keys}, shape: {shape}"))))
    };
    assert_eq!(shapes.len(), 3);
    for row in &shapes {
        assert!(with("latency", &row[0]), "{}", row[0]);
        assert_eq!(with("down", &row[0]), !row[0].contains("ramp"), "{}", row[0]);
    }
    let page = page();
    let named = page.split("between off and full: ").nth(1).unwrap().split(". ").next().unwrap();
    let named: BTreeSet<&str> = named.split(", ").map(|name| name.trim_matches('`')).collect();
    let all = faults();
    let graded = all.keys().map(String::as_str).filter(|fault| with(fault, &shapes[0][0]));
    assert_eq!(named, graded.collect());
}
