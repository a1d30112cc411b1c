//! Dashboards against Grafana's own types, by grafana/check. Without Node or the types the check is reported as skipped.

use std::process::Command;

use dashboard_check::Dashboard;
use testkit::{skipped, workspace};

use crate::DASHBOARDS;

/// The exit code of the check when something that it needs is missing.
const SKIPPED: i32 = 77;

enum TypeCheck {
    Passed,
    Failed(String),
    Skipped(String),
}

fn check(file: Option<&std::path::Path>) -> TypeCheck {
    let output = Command::new(workspace().join("grafana/check/check.sh")).args(file).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => TypeCheck::Passed,
        Some(SKIPPED) => TypeCheck::Skipped(String::from_utf8_lossy(&output.stderr).into_owned()),
        _ => TypeCheck::Failed(text + &String::from_utf8_lossy(&output.stderr)),
    }
}

/// One test, because the types are fetched once: first the good files, then a copy of each file with all its faults at once,
/// because the compiler reports all of them.
#[test]
fn the_types_of_grafana_accept_the_files_and_find_faults() {
    match check(None) {
        TypeCheck::Passed => {}
        TypeCheck::Failed(faults) => panic!("{faults}"),
        TypeCheck::Skipped(why) => return skipped("dashboards against Grafana's types", why.trim()),
    }
    let of_the_client: &[_] = &[
        (r#""colorMode":"background""#, r#""colourMode":"background""#, "'\"colourMode\"' does not exist"),
        (r#""showPoints":"auto""#, r#""showPoints":"atuo""#, "'\"atuo\"' is not assignable"),
        (r#""cellGap":"#, r#""cellgap":"#, "'\"cellgap\"' does not exist"),
        (r#""textFormat":"#, r#""textFromat":"#, "'\"textFromat\"' does not exist"),
        (r#""legendFormat":"{{status}}""#, r#""legend":"{{status}}""#, "'\"legend\"' does not exist"),
        (r#""sort":"desc""#, r#""sort":"down""#, "'\"down\"' is not assignable"),
        (r#""mergeValues":true"#, r#""mergeValues":"yes""#, "Type 'string' is not assignable"),
        (r#""type":"bargauge""#, r#""type":"bargraph""#, "'\"bargraph\"' does not satisfy"),
    ];
    let of_the_analysis: &[_] = &[
        (r#""displayMode":"basic""#, r#""displayMode":"bars""#, "'\"bars\"' is not assignable"),
        (r#""valueMode":"color""#, r#""valueMode":"colour""#, "'\"colour\"' is not assignable"),
        (r#""alignValue":"left""#, r#""align":"left""#, "'\"align\"' does not exist"),
        (r#""format":"table""#, r#""format":"matrix""#, "'\"matrix\"' is not assignable"),
        (r#""cellHeight":"sm""#, r#""cellHeight":"tiny""#, "'\"tiny\"' is not assignable"),
        (r#""useValueForTime":true"#, r#""useValueForTime":"yes""#, "Type 'string' is not assignable"),
        (r#""instant":true"#, r#""instantly":true"#, "'\"instantly\"' does not exist"),
        (r#""mode":"absolute""#, r#""mode":"absolut""#, "'\"absolut\"' is not assignable"),
        (r#""type":"custom""#, r#""type":"costum""#, "'\"costum\"' is not assignable"),
    ];
    for (file, faults) in DASHBOARDS.into_iter().zip([of_the_client, of_the_analysis]) {
        let mut bad = Dashboard::load(file);
        for (text, replacement, _) in faults {
            bad = bad.with(text, replacement);
        }
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("bad.json");
        std::fs::write(&copy, bad.json()).unwrap();
        let TypeCheck::Failed(found) = check(Some(&copy)) else { panic!("nothing was found in {file}") };
        for (_, replacement, expected) in faults {
            assert!(found.contains(expected), "{replacement}: {found}");
        }
    }
}
