//! What each kind of YAML value is to each kind of type, through the check and serde together as a daemon reads a file.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Value as Json, json};

use super::decode;
use crate::values::{Fraction, Positive};
use crate::yaml::{Document, node};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File<T> {
    key: T,
}

/// The value as a `T`, or what a user is shown.
fn read<T: DeserializeOwned + JsonSchema>(value: &str) -> Result<T, String> {
    let file = Document::parse("f.yaml", format!("key: {value}\n")).and_then(|file| file.decode::<File<T>>());
    file.map(|file| file.key).map_err(|problems| problems.to_string())
}

fn wrong<T: DeserializeOwned + JsonSchema + std::fmt::Debug>(value: &str) -> String {
    read::<T>(value).expect_err(value)
}

/// The value in the one type that takes all of them.
fn untyped(value: &str) -> Json {
    let root = node::parse(value).expect(value);
    decode(&root).expect(value)
}

#[test]
fn plain_scalars_are_those_of_yaml_1_2() {
    for (text, value) in [
        ("", json!(null)),
        ("~", json!(null)),
        ("Null", json!(null)),
        ("true", json!(true)),
        ("FALSE", json!(false)),
        ("10", json!(10)),
        ("+5", json!(5)),
        ("-5", json!(-5)),
        ("18446744073709551615", json!(u64::MAX)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("99999999999999999999", json!(1e20)),
        ("1.50", json!(1.5)),
        (".5", json!(0.5)),
        ("1e3", json!(1000.0)),
    ] {
        assert_eq!(untyped(text), value, "{text}");
    }
    // Words of YAML 1.1, and numbers that readers disagree on, are text to all of them here.
    for text in
        ["yes", "no", "on", "y", "0x10", "0o10", "0b1", "010", "1_000", "12:30", "2024-01-01", "inf", "NaN"]
    {
        assert_eq!(untyped(text), json!(text), "{text}");
    }
    for text in ["'10'", "\"10\"", "|-\n  10", ">-\n  10"] {
        assert_eq!(untyped(text), json!("10"), "{text}");
    }
}

#[test]
fn a_type_takes_only_its_own_kind_of_scalar() {
    assert_eq!(read::<u64>("+5"), Ok(5));
    assert_eq!(wrong::<u64>("0x10"), "f.yaml:1: `key` must be a whole number, found `0x10`");
    assert_eq!(wrong::<u64>("1_000"), "f.yaml:1: `key` must be a whole number, found `1_000`");
    assert_eq!(wrong::<u64>("1.0"), "f.yaml:1: `key` must be a whole number, found `1`");
    assert_eq!(wrong::<u64>("-1"), "f.yaml:1: `key` is -1, must be at least 0");
    assert_eq!(wrong::<u8>("256"), "f.yaml:1: `key` is 256, must be at most 255");
    assert_eq!(
        wrong::<u64>("99999999999999999999999999"),
        "f.yaml:1: `key` is 99999999999999999999999999, must be at most 18446744073709550000"
    );
    assert_eq!(read::<f64>("3"), Ok(3.0));
    assert_eq!(read::<f64>("99999999999999999999999999"), Ok(1e26));
    assert_eq!(read::<f64>("1e-320"), Ok(1e-320));
    for (text, shown) in [(".inf", "inf"), ("-.INF", "-inf"), (".nan", "NaN"), ("1e999", "inf")] {
        assert_eq!(wrong::<f64>(text), format!("f.yaml:1: `key` is {shown}, must be a finite number"));
    }
    assert_eq!(read::<bool>("True"), Ok(true));
    assert_eq!(wrong::<bool>("yes"), "f.yaml:1: `key` must be true or false, found `yes`");
    assert_eq!(read::<String>("yes"), Ok("yes".to_owned()));
    assert_eq!(wrong::<String>("12"), "f.yaml:1: `key` must be text, found `12`: put it in quotes");
    assert_eq!(wrong::<String>("~"), "f.yaml:1: `key` must be text, found nothing");
    assert_eq!(read::<Option<u64>>("~"), Ok(None));
    assert_eq!(read::<Option<u64>>(""), Ok(None));
    assert_eq!(read::<Option<u64>>("1"), Ok(Some(1)));
    assert_eq!(read::<Option<Option<String>>>("x"), Ok(Some(Some("x".to_owned()))));
}

#[test]
fn values_with_a_rule_of_their_own_are_read_by_it() {
    assert_eq!(read::<Positive>("30s"), "30s".parse());
    assert_eq!(wrong::<Positive>("0s"), "f.yaml:1: `key` is `0s`: must be longer than zero");
    assert_eq!(wrong::<Positive>("30"), "f.yaml:1: `key` must be a duration like `30s`, found `30`");
    assert_eq!(read::<Fraction>("1"), Ok(Fraction::ONE));
    assert_eq!(wrong::<Fraction>("1.5"), "f.yaml:1: `key` is 1.5, must be at most 1");
    assert_eq!(wrong::<Fraction>("1e-10"), "f.yaml:1: `key` is 1e-10, must be at least 0.000000001");
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Pair {
    left: u32,
    #[serde(default)]
    right: Option<f64>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(untagged)]
enum Form {
    Word(String),
    Number(f64),
    Pair(Box<Pair>),
    Many(Vec<Form>),
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Always,
    Within(Positive),
    Between { low: u32, high: u32 },
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Flat {
    name: String,
    #[serde(flatten)]
    shape: Shape,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "shape", rename_all = "snake_case")]
enum Shape {
    Round { radius: f64 },
    Flat {},
}

#[test]
fn enums_and_structs_are_read_in_every_way_serde_tags_them() {
    let pair = |left, right| Form::Pair(Box::new(Pair { left, right }));
    assert_eq!(read("0x10"), Ok(Form::Word("0x10".to_owned())));
    assert_eq!(read("99999999999999999999"), Ok(Form::Number(1e20)));
    assert_eq!(read("{ left: 1 }"), Ok(pair(1, None)));
    assert_eq!(
        read("[x, 2, { left: 1, right: 99999999999999999999 }]"),
        Ok(Form::Many(vec![Form::Word("x".to_owned()), Form::Number(2.0), pair(1, Some(1e20))]))
    );
    assert_eq!(read("always"), Ok(Rule::Always));
    assert_eq!(read("{ within: 5s }"), "5s".parse().map(Rule::Within));
    assert_eq!(read("{ between: { low: 1, high: 2 } }"), Ok(Rule::Between { low: 1, high: 2 }));
    assert_eq!(
        wrong::<Rule>("{ witin: 5s }"),
        "f.yaml:1: unknown key `witin` in `key`, did you mean `within`?"
    );
    let round = Flat { name: "a".to_owned(), shape: Shape::Round { radius: 1e20 } };
    assert_eq!(read("{ name: a, shape: round, radius: 99999999999999999999 }"), Ok(round));
    assert_eq!(read("{ name: a, shape: flat }"), Ok(Flat { name: "a".to_owned(), shape: Shape::Flat {} }));
    assert_eq!(wrong::<Pair>("[1, 2]"), "f.yaml:1: `key` must be a mapping, found a list");
    assert_eq!(wrong::<Pair>("{ left: 1, top: 2 }"), "f.yaml:1: unknown key `top` in `key`");
    assert_eq!(
        read("{ 1: a, ~: b, x: c }"),
        Ok(BTreeMap::from(
            [("1", "a"), ("null", "b"), ("x", "c")].map(|(key, value)| (key.to_owned(), value.to_owned()))
        ))
    );
}

#[test]
fn what_links_values_or_documents_is_refused_with_its_line() {
    let problem = |text: &str| {
        let read = Document::parse("f.yaml", text).and_then(|file| file.decode::<File<u64>>());
        read.map(|file| file.key).map_err(|problems| problems.to_string())
    };
    assert_eq!(problem("key: &a 1\n"), Ok(1));
    for (text, message) in [
        ("a: &a 1\nkey: *a\n", "f.yaml:2: YAML aliases are not supported"),
        ("key: !!int 1\n", "f.yaml:1: YAML tags are not supported"),
        ("<<: { key: 2 }\nkey: 1\n", "f.yaml:1: unknown key `<<` in the file"),
        ("key: 1\nkey: 1\n", "f.yaml:2: duplicate key `key` in the file"),
        ("key: 1\n---\nkey: 1\n", "f.yaml:2: a file must hold one YAML document"),
        ("? [key]\n: 1\n", "f.yaml:1: a key cannot be a list or a mapping"),
        ("", "f.yaml:1: the file must be a mapping, found nothing"),
    ] {
        assert_eq!(problem(text), Err(message.to_owned()), "{text}");
    }
}

/// A number with a rule that no schema describes.
#[derive(Debug)]
struct Even;

impl<'de> Deserialize<'de> for Even {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Even, D::Error> {
        match u64::deserialize(deserializer)? % 2 {
            0 => Ok(Even),
            _ => Err(D::Error::custom("must be even")),
        }
    }
}

impl JsonSchema for Even {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "even".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer" })
    }
}

#[test]
fn what_only_serde_finds_has_the_line_of_its_value() {
    assert_eq!(wrong::<Vec<Even>>("\n  - 2\n  - 4\n  - 5"), "f.yaml:4: `key`: must be even");
    assert_eq!(wrong::<(u32, u32)>("[1, 2, 3]"), "f.yaml:1: `key`: must have 2 items, found 3");
    assert_eq!(wrong::<BTreeMap<String, Even>>("\n  a: 2\n  b: 3"), "f.yaml:3: `b`: must be even");
}

fn json() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        "[\\PC\n\t\"\\\\]{0,12}".prop_map(Json::from),
        "[-+~.:#0-9a-fxeE ]{0,6}".prop_map(Json::from),
    ];
    scalar.prop_recursive(4, 24, 4, |inner| {
        let key = "[\\PC\n ]{0,6}";
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            btree_map(key, inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    /// Every JSON text is a YAML text with the same value.
    #[test]
    fn json_is_read_as_what_it_was_written_from(value in json()) {
        for text in [value.to_string(), format!("{value:#}")] {
            let root = node::parse(&text).map_err(|error| TestCaseError::fail(format!("{error:?}: {text}")))?;
            prop_assert_eq!(&decode::<Json>(&root).expect("any value"), &value, "{}", text);
        }
    }
}
