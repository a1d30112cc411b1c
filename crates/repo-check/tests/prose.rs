//! Every link and every command line in the pages of this repository leads somewhere.

#![expect(clippy::unwrap_used, reason = "a test ends at the first thing that is not as it should be")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use repo_check::prose::{Page, Programs, dead_links, unlisted};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What git has or would add.
fn files() -> BTreeSet<String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(root());
    let output = git.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = String::from_utf8(output.stdout).unwrap();
    files.lines().filter(|file| root().join(file).exists()).map(str::to_owned).collect()
}

fn pages() -> Vec<Page> {
    let files = files();
    let pages = files.iter().filter(|file| file.ends_with(".md"));
    let pages: Vec<Page> = pages.map(|file| Page::new(file, &read(file))).collect();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let dead: Vec<String> = dead_links(&pages(), &files()).iter().map(ToString::to_string).collect();
    assert!(dead.is_empty(), "\n{}", dead.join("\n"));
}

#[test]
fn every_page_of_the_guide_is_in_its_index() {
    let unlisted: Vec<String> = unlisted("docs", &pages()).iter().map(ToString::to_string).collect();
    assert!(unlisted.is_empty(), "\n{}", unlisted.join("\n"));
}

#[test]
fn every_command_line_is_one_that_its_program_accepts() {
    let programs = Programs::new(&read("justfile"), [loadgen::command_line(), scenariod::command_line()]);
    let refused: Vec<String> =
        pages().iter().flat_map(|page| programs.problems(page)).map(|problem| problem.to_string()).collect();
    assert!(refused.is_empty(), "\n{}", refused.join("\n"));
}
