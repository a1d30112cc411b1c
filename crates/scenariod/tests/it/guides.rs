//! The commands and files of the guides, done as they are written there. Only the programs around scenariod are stand-ins.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{command_line, repository};

fn page(name: &str) -> String {
    std::fs::read_to_string(repository(&format!("docs/{name}"))).unwrap()
}

/// The first block of code in this language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let rest = page.split(&format!("```{language}\n")).nth(1).unwrap();
    rest.split("```").next().unwrap()
}

#[test]
fn the_example_of_the_guide_to_writing_is_sound_and_so_are_its_commands() {
    let page = page("writing-scenarios.md");
    let example = block(&page, "yaml");
    let commands: Vec<&str> =
        block(&page, "console").lines().filter_map(|line| line.strip_prefix("$ scenariod ")).collect();
    assert_eq!(commands.len(), 4);
    for line in commands {
        let mut args: Vec<&str> = line.split(" #").next().unwrap().split_whitespace().collect();
        if args.contains(&"--scenario") {
            args.push("--list");
        }
        command_line(&args).file("mine/cable.yaml", example).run();
    }
}

/// Whether a report has every field by which the guide compares two of them.
pub(crate) fn compares(report: &Value) {
    fn names(value: &Value, found: &mut BTreeSet<String>) {
        for (name, below) in value.as_object().into_iter().flatten() {
            found.insert(name.clone());
            names(below, found);
        }
        value.as_array().into_iter().flatten().for_each(|below| names(below, found));
    }
    let mut found = BTreeSet::new();
    names(report, &mut found);
    let page = page("verdicts.md");
    let program = page.split("$ jq -r '").nth(1).unwrap().split("' ").next().unwrap();
    let fields = program
        .split('.')
        .skip(1)
        .filter_map(|rest| rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next());
    let fields: BTreeSet<&str> = fields.filter(|field| !field.is_empty()).collect();
    assert!(fields.len() > 7, "{fields:?}");
    for field in fields {
        assert!(found.contains(field), "{field}: {found:?}");
    }
}

/// A program that writes down how it is called, then ends with the next of these codes.
fn stand_in(path: &Path, calls: &Path, codes: &[i32]) {
    let count = path.with_extension("count");
    let codes = codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let text = format!(
        "#!/bin/bash\necho \"${{0##*/}} $*\" >>{calls:?}\necho >>{count:?}\ncodes=({codes})\n\
         exit \"${{codes[$(wc -l <{count:?}) - 1]:-0}}\"\n"
    );
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What the job of the guide calls, and how it ends, where `just up` and the runs end with these codes.
fn job(up: i32, runs: &[i32]) -> (Vec<String>, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let (bin, calls) = (folder.path().join("bin"), folder.path().join("calls"));
    stand_in(&bin.join("just"), &calls, &[up]);
    stand_in(&folder.path().join(".lab/bin/scenariod"), &calls, runs);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let page = page("ci.md");
    let mut bash = Command::new("bash");
    let output =
        bash.args(["-c", block(&page, "sh")]).current_dir(folder.path()).env("PATH", path).output().unwrap();
    let calls = std::fs::read_to_string(&calls).unwrap();
    (calls.lines().map(str::to_owned).collect(), output.status.code())
}

#[test]
fn the_job_of_the_guide_ends_as_the_run_does_and_always_takes_the_lab_down() {
    let run = "scenariod --scenario smoke --quiet --json";
    let calls = |runs: usize| -> Vec<String> {
        let runs = std::iter::repeat_n(run, runs);
        ["just up"].into_iter().chain(runs).chain(["just down"]).map(str::to_owned).collect()
    };
    assert_eq!(job(0, &[0]), (calls(1), Some(0)));
    assert_eq!(job(0, &[1]), (calls(1), Some(1)));
    assert_eq!(job(0, &[3, 0]), (calls(2), Some(0)));
    assert_eq!(job(0, &[3, 3]), (calls(2), Some(3)));
    assert_eq!(job(4, &[]), (calls(0), Some(4)));
    let args: Vec<&str> = run.split(' ').skip(1).collect();
    command_line(&[&args[..], &["--list"]].concat()).run();
}

#[test]
fn the_limit_in_the_guide_to_reading_is_that_of_the_shipped_lab() {
    let lab = std::fs::read_to_string(repository("config/lab.yaml")).unwrap();
    let page = page("interpreting.md");
    for setting in ["rate: 3000", "pool_size: 100", "max_start_delay: 100ms"] {
        assert!(lab.contains(&format!("  {setting}")) && page.contains(&format!("`{setting}`")), "{setting}");
    }
}

#[test]
fn the_panel_titles_in_the_guide_to_reading_are_on_a_dashboard() {
    let dashboards = ["client-performance", "scenario-analysis"]
        .map(|name| std::fs::read_to_string(repository(&format!("grafana/dashboards/{name}.json"))).unwrap());
    let page = std::fs::read_to_string(repository("docs/interpreting.md")).unwrap().replace("**", "");
    let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let named: Vec<&str> = page.split('*').skip(1).step_by(2).collect();
    assert!(named.len() > 8, "{named:?}");
    for name in named {
        let title = format!("\"title\": \"{name}\"");
        assert!(dashboards.iter().any(|dashboard| dashboard.contains(&title)), "{name}");
    }
}

#[test]
fn the_example_in_the_guide_to_verdicts_is_valid() {
    let page = std::fs::read_to_string(repository("docs/verdicts.md")).unwrap();
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    command_line(&["check", "mine.yaml"]).file("mine.yaml", example).run();
}
