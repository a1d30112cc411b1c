//! A kind of fault is written in three places: its file, its variant in `fault.rs` and its word in `metrics-core`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::kinds;

/// Every source file of the workspace with its text up to the unit tests, named from `crates/`.
fn sources() -> Vec<(String, String)> {
    fn descend(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().unwrap().to_str().unwrap() {
                "tests" | "tests.rs" | "target" => {}
                _ if path.is_dir() => descend(&path, found),
                name if name.ends_with(".rs") => found.push(path),
                _ => {}
            }
        }
    }
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut paths = Vec::new();
    descend(crates, &mut paths);
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        (path.strip_prefix(crates).unwrap().display().to_string(), code)
    };
    paths.into_iter().map(source).collect()
}

/// The names that stand in a text behind `before`.
fn names<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    let name = |rest: &'a str| rest.split(|letter: char| !letter.is_alphanumeric()).next().unwrap();
    text.split(before).skip(1).map(name).collect()
}

/// `PacketLoss` of `packet_loss`.
fn variant(word: &str) -> String {
    let part = |part: &str| part[..1].to_uppercase() + &part[1..];
    word.split('_').map(part).collect()
}

#[test]
fn only_the_file_of_a_kind_and_the_list_of_kinds_name_it() {
    let kinds: Vec<(String, String)> = kinds().into_iter().map(|(word, _)| (variant(&word), word)).collect();
    let sources = sources();
    let mut found = BTreeSet::new();
    for (file, code) in &sources {
        let named: BTreeSet<&str> =
            ["Fault::", "FaultType::"].iter().flat_map(|path| names(code, path)).collect();
        let here = kinds.iter().filter(|(variant, _)| named.contains(variant.as_str()));
        found.extend(here.map(|(_, word)| (word.clone(), file.clone())));
    }
    let own = |(_, word): &(String, String)| (word.clone(), format!("scenariod/src/fault/{word}.rs"));
    assert_eq!(found, kinds.iter().map(own).collect(), "a kind of fault is matched outside its file");

    let (_, list) = sources.iter().find(|(file, _)| file == "scenariod/src/fault.rs").unwrap();
    let code = list.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    for (variant, word) in &kinds {
        let lines: Vec<&str> = code.clone().filter(|line| line.contains(word.as_str())).collect();
        assert_eq!(lines, [format!("mod {word};"), format!("{word}::{variant},")]);
        assert_eq!(list.matches(variant.as_str()).count(), 1, "{variant} in fault.rs");
    }
}
