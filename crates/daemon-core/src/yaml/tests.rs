//! A file with errors is reported completely: every problem, each with its line.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Document;
use crate::values::{Fraction, Positive};

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    family: String,
    scenarios: Vec<Scenario>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    length: Option<Positive>,
    faults: Vec<Entry>,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
struct Entry {
    target: Target,
    #[serde(default)]
    direction: Direction,
    #[serde(flatten)]
    fault: Fault,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(untagged)]
enum Target {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Direction {
    #[default]
    Replies,
    /// The other direction.
    Requests,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(tag = "fault", rename_all = "snake_case")]
enum Fault {
    Latency { delay: Positive },
    PacketLoss { rate: Fraction },
    Blackhole,
}

fn problems(text: &str) -> Vec<String> {
    let decoded = Document::parse("f.yaml", text).and_then(|document| document.decode::<Catalogue>());
    decoded.map_or_else(|problems| problems.to_string().lines().map(str::to_owned).collect(), |_| Vec::new())
}

const GOOD: &str = "\
family: packet-loss
scenarios:
  - name: a
    length: 30s
    faults:
      - { target: n1, fault: latency, delay: 1s }
  - name: b
    faults:
      - { target: [n1, n2], fault: packet_loss, rate: 1 }
  - name: c
    faults:
      - { target: n1, fault: blackhole, direction: requests }
      - target: n2
        fault: packet_loss
        rate: 0.1
";

#[test]
fn a_good_file_has_no_problem() {
    assert_eq!(problems(GOOD), Vec::<String>::new());
}

#[test]
fn an_unknown_key_and_a_wrong_type_deep_inside_are_both_named_in_one_run() {
    let text = GOOD.replace("        rate: 0.1\n", "        rate: much\n        shere: 0.5\n");
    assert_eq!(
        problems(&text),
        ["f.yaml:15: `rate` must be a number, found `much`", "f.yaml:16: unknown key `shere` in `faults`"]
    );
}

#[test]
fn every_kind_of_problem_is_found_in_one_pass() {
    let text = "\
family: 12
familly: x
scenarios:
  - name: a
    name: b
    length: 0s
    faults: none
  - faults:
      - { target: n1, fault: latncy, delay: 1s }
      - { target: n1, fault: packet_loss, rate: 1.5, direction: reqests }
      - { target: { x: 1 }, delay: 1s }
";
    assert_eq!(
        problems(text),
        [
            "f.yaml:1: `family` must be text, found `12`: put it in quotes",
            "f.yaml:2: unknown key `familly` in the file, did you mean `family`?",
            "f.yaml:5: duplicate key `name` in `scenarios`",
            "f.yaml:6: `length` is `0s`: must be longer than zero",
            "f.yaml:7: `faults` must be a list, found `none`",
            "f.yaml:8: missing key `name` in `scenarios`",
            "f.yaml:9: unknown fault `latncy`, did you mean `latency`? (one of latency, packet_loss, blackhole)",
            "f.yaml:10: `rate` is 1.5, must be at most 1",
            "f.yaml:10: unknown direction `reqests`, did you mean `requests`? (one of replies, requests)",
            "f.yaml:11: `target` must be text or a list, found a mapping",
            "f.yaml:11: missing key `fault` in `faults`",
        ]
    );
}

#[test]
fn a_path_finds_its_line() {
    let document = Document::parse("f.yaml", GOOD).expect("parses");
    assert_eq!(document.problem("scenarios/2/faults/1/target", "x").line, 13);
    assert_eq!(document.problem("scenarios/9/name", "x").line, 3);
}

/// Files that an editor of another system has saved are read with the same lines.
#[test]
fn byte_order_marks_tabs_and_other_line_ends_are_read() {
    let bad = GOOD.replace("rate: 0.1", "rate: much");
    for change in [
        |text: &str| format!("\u{feff}{text}"),
        |text: &str| format!("\u{feff}# a comment\n{text}").replace("# a comment\n", ""),
        |text: &str| text.replace('\n', "\r\n"),
        |text: &str| text.replace('\n', "\r"),
        |text: &str| text.replace(": ", ":\t"),
        |text: &str| text.replace("- {", "-\t{"),
        |text: &str| text.replace('\n', "\t\n"),
        |text: &str| text.replace('\n', " # a comment\n"),
    ] {
        let text = change(GOOD);
        assert_eq!(problems(&text), Vec::<String>::new(), "{text:?}");
        assert_eq!(problems(&change(&bad)), ["f.yaml:15: `rate` must be a number, found `much`"]);
    }
}

/// Characters that only some readers take for line ends hide no key.
#[test]
fn other_line_separators_end_no_line() {
    for (separator, code) in [('\u{85}', "0085"), ('\u{2028}', "2028"), ('\u{2029}', "2029")] {
        let text = GOOD.replace("name: a\n", &format!("name: a{separator}    shere: 1\n"));
        assert_eq!(
            problems(&text),
            [format!("f.yaml:3: invalid text: it has the control character U+{code}")]
        );
    }
}

#[test]
fn numbers_that_readers_disagree_about_are_no_numbers() {
    for number in ["0x1", "0o1", "01", "0b1", "1_0", "+0x1"] {
        let found = problems(&GOOD.replace("rate: 0.1", &format!("rate: {number}")));
        assert_eq!(found, [format!("f.yaml:15: `rate` must be a number, found `{number}`")]);
    }
}

#[test]
fn a_value_is_repeated_as_it_is_written() {
    let document = Document::parse("f.yaml", "a: [{ b: 031d }, 1.50]\n").expect("parses");
    assert_eq!(document.written("a/0/b").as_deref(), Some("031d"));
    assert_eq!((document.written("a"), document.written("a/7")), (None, None));
}

proptest! {
    /// Every text gives a value or problems, never a panic.
    #[test]
    fn no_text_panics(cut in 0usize..GOOD.len(), junk in "[\\PC\n]{0,12}", keep in any::<bool>()) {
        let at = (0..=cut).rev().find(|at| GOOD.is_char_boundary(*at)).unwrap_or(0);
        let rest = if keep { &GOOD[at..] } else { "" };
        let _ = problems(&format!("{}{junk}{rest}", &GOOD[..at]));
    }

    /// What the check accepts, serde reads: every problem is one of the check's, in its own words.
    #[test]
    fn the_check_is_as_strict_as_serde(value in prop_oneof!["[a-z0-9.:~ -]{0,8}", "\\[[a-z, ]{0,6}\\]", "[0-9]{1,3}(ms|s|m)?"]) {
        for key in ["rate: 0.1", "length: 30s", "name: a", "direction: requests"] {
            let name = key.split(':').next().unwrap_or_default();
            let text = GOOD.replace(key, &format!("{name}: {value}"));
            for problem in problems(&text) {
                prop_assert!(!problem.contains("invalid type") && !problem.contains("did not match"), "{key} -> {value}: {problem}");
            }
        }
    }
}
