//! Planted mistakes that must be found, and sound lines that must not.

use std::collections::BTreeSet;

use clap::{Arg, ArgAction, Command, value_parser};

use super::{Page, Problem, Programs, dead_links, unlisted};

fn texts(problems: Vec<Problem>) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn links(text: &str) -> Vec<String> {
    let pages = [
        Page::new("docs/a.md", text),
        Page::new("README.md", "# Top\n\n## What `x` is, in short?\n\n## Top\n"),
    ];
    let files = ["README.md", "docs/a.md", "docs/pictures/a.svg"].map(str::to_owned);
    texts(dead_links(&pages, &BTreeSet::from(files)))
}

#[test]
fn a_dead_link_is_found() {
    assert_eq!(
        links("# A\n\nSee [b](b.md) and ![c](c.svg).\n"),
        ["docs/a.md:3: no such file: b.md", "docs/a.md:3: no such file: c.svg"]
    );
    assert_eq!(links("[up](../../README.md)"), ["docs/a.md:1: no such file: ../../README.md"]);
    assert_eq!(links("[root](/README.md)"), ["docs/a.md:1: no such file: /README.md"]);
    assert_eq!(links("| x |\n|---|\n| [b](b.md) |"), ["docs/a.md:3: no such file: b.md"]);
}

#[test]
fn a_dead_anchor_is_found() {
    assert_eq!(links("# A\n\n[b](#b)"), ["docs/a.md:3: no heading `#b` in docs/a.md"]);
    assert_eq!(links("[x](../README.md#what-x-is)"), ["docs/a.md:1: no heading `#what-x-is` in README.md"]);
    assert_eq!(links("[x](../README.md#top-2)"), ["docs/a.md:1: no heading `#top-2` in README.md"]);
}

#[test]
fn sound_links_are_not_found() {
    let text = "# A b\n[1](#a-b) [2](../README.md#what-x-is-in-short) [3](../README.md#top-1) [4](pictures/a.svg) \
                [5](pictures/) [6](..) [7](https://example.org/b.md#c) [8](mailto:a@example.org) `[9](b.md)`\n\n\
                ```text\n[10](b.md)\n```\n";
    assert_eq!(links(text), [""; 0]);
}

#[test]
fn a_page_that_the_index_leaves_out_is_found() {
    let page = |path: &str| Page::new(path, "");
    let index = Page::new("docs/README.md", "[a](a.md#x) [top](../README.md)");
    let pages = [index, page("docs/a.md"), page("docs/b.md"), page("README.md")];
    assert_eq!(texts(unlisted("docs", &pages)), ["docs/README.md:1: no link to docs/b.md"]);
    assert_eq!(texts(unlisted("docs", &pages[1..])), ["docs/README.md:1: no such file"]);
}

/// The problems with a page, without its name and line.
fn commands(text: &str) -> Vec<String> {
    let justfile = "set shell := [\"bash\"]\n\n# Start\nup:\n    @x\nrun NAME *ARGS:\n    @x\ntest: setup\n    just nothing\n";
    let loops = Arg::new("loop").long("loop").num_args(0..=1).value_parser(value_parser!(u32));
    let quiet = Arg::new("quiet").long("quiet").visible_alias("silent").action(ArgAction::SetTrue);
    let check = Command::new("check")
        .arg(Arg::new("paths").num_args(0..))
        .arg(Arg::new("deep").long("deep").hide(true));
    let show = Command::new("show").arg(Arg::new("name").required(true));
    let daemon = Command::new("daemon")
        .args([loops, quiet])
        .subcommands([check, show])
        .allow_external_subcommands(true);
    let problems = Programs::new(justfile, [daemon]).problems(&Page::new("a.md", text));
    texts(problems).into_iter().map(|text| text.split_once(": ").unwrap().1.to_owned()).collect()
}

#[test]
fn a_recipe_that_does_not_exist_is_found() {
    assert_eq!(commands("`just upp`"), ["no recipe `just upp`"]);
    assert_eq!(commands("`just set`"), ["no recipe `just set`"]);
    assert_eq!(commands("```console\n$ cargo install just && just start\n```"), ["no recipe `just start`"]);
    assert_eq!(commands("```sh\nLAB_CLIENT=patient just start # comment\n```"), ["no recipe `just start`"]);
}

#[test]
fn a_flag_that_does_not_exist_is_found() {
    let unknown = |line: &str| vec![format!("`{line}`: unexpected argument '--loops' found")];
    assert_eq!(commands("`daemon --loops 3`"), unknown("daemon --loops 3"));
    assert_eq!(commands("`daemon check --loops`"), unknown("daemon check --loops"));
    assert_eq!(commands("`just run daemon --loops`"), unknown("daemon --loops"));
    assert_eq!(commands("| a |\n|---|\n| `daemon [--loops [N]]\\|x` |"), unknown("daemon --loops N|x"));
    assert_eq!(commands("```console\n$ x=$(.lab/bin/daemon --loops) | y >z\n```"), unknown("daemon --loops"));
    assert_eq!(commands("`--loops`"), ["no flag `--loops`"]);
    assert_eq!(commands("`--loop 3 --loops=3`"), ["no flag `--loops`"]);
}

#[test]
fn a_command_that_does_not_exist_is_found() {
    assert_eq!(commands("`daemon chekc`"), ["no command `daemon chekc`"]);
    assert_eq!(commands("`source <(daemon chekc)`"), ["no command `daemon chekc`"]);
}

#[test]
fn a_wrong_value_is_found() {
    assert!(commands("`daemon --loop x`")[0].starts_with("`daemon --loop x`: invalid value 'x'"));
    assert_eq!(commands("`daemon --loop N`"), [""; 0]);
}

#[test]
fn sound_command_lines_are_not_found() {
    let text = "`just`, `just up`, `just --list`, `just run NAME ARGS`, `just run daemon ARGS`, `daemon`, `daemon --help`, \
                `daemon check [PATHS...]`, `daemon check --deep 1`, `daemon show`, `--silent --loop`, `daemon.loops`, \
                `daemonize x`, `other --loops`\n\n\
                ```console\n$ daemon check a b >c 2> d && daemon --loop 3 # daemon --loops\ndaemon --loops\n```\n\n\
                ```text\n$ daemon --loops\n```\n";
    assert_eq!(commands(text), [""; 0]);
}
