//! Malformed files: whatever a scenario, playlist or lab file holds, `check` has a message in our words and no panic.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestError, TestRunner};
use testkit::{report, scale};

use crate::harness::{command, repository};

/// Files of one command: starting it costs more than reading a file.
const BATCH: u32 = 20;
/// What nobody means to write, and what somebody might.
const WORDS: [&str; 34] = [
    "",
    "~",
    "[]",
    "{}",
    "-1",
    "0",
    "1e-320",
    "1e999",
    ".nan",
    ".inf",
    "99999999999999999999999999",
    "0x10",
    "true",
    "\"\"",
    "'x'",
    "all",
    "{ count: 0 }",
    "{ count: 99999999999 }",
    "[memcached1, memcached1]",
    "0s",
    "1y",
    "5000000y",
    "1ms",
    "-5s",
    "&a 1",
    "*a",
    "!!int 3",
    "|",
    "? x",
    "\t",
    "\u{0}",
    "\u{fffd}\u{1f980}",
    "packet_loss",
    "smoke",
];
/// What serde, clap and Rust say when nobody has put it in our words.
const NOT_OURS: [&str; 9] = [
    "panicked",
    "invalid type",
    "invalid value",
    "did not match any variant",
    "expected",
    "at line",
    "nonzero",
    "unwrap",
    "overflow",
];

/// One change of one line.
#[derive(Clone, Debug)]
enum Change {
    Drop(Index),
    Twice(Index),
    Swap(Index, Index),
    /// What stands behind a colon.
    Value(Index, &'static str),
    /// A key.
    Key(Index, &'static str),
    Indent(Index, usize),
    Insert(Index, String),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => any::<Index>().prop_map(Change::Drop),
        1 => any::<Index>().prop_map(Change::Twice),
        1 => any::<(Index, Index)>().prop_map(|(a, b)| Change::Swap(a, b)),
        4 => (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Change::Value(at, word)),
        2 => (any::<Index>(), select(&WORDS[..])).prop_map(|(at, word)| Change::Key(at, word)),
        1 => (any::<Index>(), 0_usize..9).prop_map(|(at, depth)| Change::Indent(at, depth)),
        1 => (any::<Index>(), "[\\PC\t]{0,12}").prop_map(|(at, junk)| Change::Insert(at, junk)),
        1 => any::<Index>().prop_map(Change::Cut),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return text.to_owned();
    }
    let many = lines.len();
    match change {
        Change::Drop(at) => drop(lines.remove(at.index(many))),
        Change::Twice(at) => lines.insert(at.index(many), lines[at.index(many)].clone()),
        Change::Swap(a, b) => lines.swap(a.index(many), b.index(many)),
        Change::Value(at, word) => replace(&mut lines, at, |colon, line| {
            let end = line[colon..].find([',', '}']).map_or(line.len(), |end| colon + end);
            format!("{} {word} {}", &line[..=colon], &line[end..])
        }),
        Change::Key(at, word) => replace(&mut lines, at, |colon, line| {
            let start = line[..colon].rfind(['{', ',', ' ']).map_or(0, |start| start + 1);
            format!("{}{word}{}", &line[..start], &line[colon..])
        }),
        Change::Indent(at, depth) => {
            let line = &mut lines[at.index(many)];
            *line = format!("{:depth$}{}", "", line.trim_start());
        }
        Change::Insert(at, junk) => {
            let line = &mut lines[at.index(many)];
            let middle = (0..=line.len() / 2).rev().find(|at| line.is_char_boundary(*at)).unwrap();
            line.insert_str(middle, junk);
        }
        Change::Cut(at) => lines.truncate(at.index(many)),
    }
    lines.join("\n") + "\n"
}

/// Changes a line at one of its colons.
fn replace(lines: &mut [String], at: &Index, with: impl Fn(usize, &str) -> String) {
    let colons: Vec<(usize, usize)> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with('#'))
        .flat_map(|(number, line)| line.match_indices(':').map(move |(colon, _)| (number, colon)))
        .collect();
    if !colons.is_empty() {
        let (number, colon) = colons[at.index(colons.len())];
        lines[number] = with(colon, &lines[number]);
    }
}

fn shipped() -> Vec<String> {
    let files = |folder: &str| -> Vec<PathBuf> {
        fs::read_dir(repository(folder)).unwrap().map(|entry| entry.unwrap().path()).collect()
    };
    let mut paths = [files("config/scenarios"), files("config/playlists")].concat();
    paths.push(PathBuf::from(repository("config/lab.yaml")));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// What is wrong with what `check` says of these files; nothing where all is well.
fn complaint(folder: &Path, files: &[String]) -> Option<String> {
    let mut paths = Vec::new();
    for (index, text) in files.iter().enumerate() {
        let path = folder.join(format!("{index}.yaml"));
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let output = command().arg("check").args(&paths).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let whole = match output.status.code() {
        Some(0) => stderr.is_empty(),
        Some(2) => stderr.lines().all(|line| {
            let named = line.strip_prefix("error: ").and_then(|line| line.split_once(".yaml:"));
            let numbered = named.and_then(|(_, rest)| rest.split_once(": "));
            numbered.is_some_and(|(number, _)| number.parse::<usize>().is_ok())
        }),
        Some(_) | None => false,
    };
    let foreign = stderr.lines().find(|line| {
        // What the file says is quoted; what parsers say of broken YAML is theirs to word.
        let said: String = line.split('`').step_by(2).collect();
        // What a parser says of a text that it cannot read is told as it is.
        !said.contains("invalid YAML")
            && !said.contains("cannot be parsed")
            && NOT_OURS.iter().any(|word| said.contains(word))
    });
    let why = foreign.map(str::to_owned).or((!whole).then_some(stderr))?;
    Some(format!("exit {:?}: {why}", output.status.code()))
}

/// Whatever is changed in the shipped files, `check` says where and what in our words, and ends with 0 or 2.
#[test]
fn malformed_files_get_a_message_and_no_panic() {
    let files: u32 = scale(500, 10_000);
    let shipped = shipped();
    let folder = tempfile::tempdir().unwrap();
    let mut runner = TestRunner::new(Config {
        cases: files / BATCH,
        max_shrink_iters: 30,
        failure_persistence: None,
        ..Config::default()
    });
    let mutated = (select(shipped), proptest::collection::vec(change(), 1..5));
    let batch = proptest::collection::vec(mutated, BATCH as usize);
    let result = runner.run(&batch, |batch| {
        let texts: Vec<String> = batch
            .iter()
            .map(|(text, changes)| changes.iter().fold(text.clone(), |text, change| apply(&text, change)))
            .collect();
        // One by one where together they fail, so that the failure names one file.
        if let Some(together) = complaint(folder.path(), &texts) {
            for text in &texts {
                if let Some(why) = complaint(folder.path(), std::slice::from_ref(text)) {
                    return Err(TestCaseError::fail(format!("{why}\n{text}\n{why}")));
                }
            }
            let all = texts.join("\n--- the next file of the batch\n");
            return Err(TestCaseError::fail(format!("only together: {together}\n{all}\n{together}")));
        }
        Ok(())
    });
    // The file itself says more than how it came about.
    if let Err(TestError::Fail(why, _)) = result {
        unreachable!("{why}");
    }
    report(
        "Malformed files",
        [format!("{files} mutated scenario, playlist and lab files: a message each, no panic")],
    );
}
