//! A table of command lines: what each of them parses to, and which are refused. A line that is accepted once stays accepted.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::PathBuf;
use std::process;

use super::*;
use crate::plan::schedule::Loops;

/// Variables, separated by blanks; the words behind the program's name; what they parse to.
type Row = (&'static str, &'static str, &'static str);

const ACCEPTED: &[Row] = &[
    // A run, in the short form.
    ("", "", "run"),
    ("", "--scenario smoke", "run scenario=smoke"),
    ("", "--scenario=smoke", "run scenario=smoke"),
    ("", "--scenario latency,partition-one", "run scenario=latency,partition-one"),
    ("", "--scenario latency --scenario packet-loss-10", "run scenario=latency|packet-loss-10"),
    ("", "--playlist smoke", "run scenario=smoke"),
    ("", "--playlist smoke --scenario a,b --playlist c", "run scenario=smoke|a,b|c"),
    ("", "--scenario ./mine.yaml --loop 3", "run scenario=./mine.yaml loop=3"),
    ("", "--scenario smoke --loop", "run scenario=smoke loop=forever"),
    ("", "--loop --scenario smoke", "run scenario=smoke loop=forever"),
    ("", "--loop=2 --scenario smoke", "run scenario=smoke loop=2"),
    ("", "--scenario smoke --loop forever", "run scenario=smoke loop=forever"),
    ("", "--scenario smoke -q", "run scenario=smoke quiet"),
    ("", "-q --scenario smoke --json", "run scenario=smoke json quiet"),
    ("", "--quiet --scenario all --time-scale 0.2", "run scenario=all time-scale=0.2 quiet"),
    ("", "--list", "run list"),
    ("", "--list --json --scenario smoke,flaky", "run scenario=smoke,flaky list json"),
    ("", "--scenario a --list --dry-run --loop 2", "run scenario=a loop=2 dry-run list"),
    ("", "--scenario a --dry-run --no-verdict", "run scenario=a dry-run no-verdict"),
    ("", "--scenario a --pause 10s --linger 0s --seed 7", "run scenario=a pause=10s linger=0s seed=7"),
    ("", "--scenario a --retry-inconclusive 3", "run scenario=a retry-inconclusive=3"),
    ("", "--scenario a --allow-foreign --time-scale 1e-1", "run scenario=a time-scale=0.1 allow-foreign"),
    (
        "",
        "--scenario a --prometheus http://p:1/x --prometheus-token-file t",
        "run scenario=a prometheus=http://p:1/x prometheus-token-file=t",
    ),
    (
        "",
        "--scenario a --toxiproxy http://t:1 --metrics-addr h:2 --config l --catalogue c --state-dir s",
        "run scenario=a toxiproxy=http://t:1 state-dir=s metrics-addr=h:2 config=l catalogue=c",
    ),
    // Variables beside it. Only LAB_STATE is the parser's; the others collide with no flag.
    ("LAB_STATE=/s", "--scenario a", "run scenario=a state-dir=/s"),
    ("LAB_STATE=/s", "--scenario a --state-dir d", "run scenario=a state-dir=d"),
    ("LAB_PROMETHEUS=http://p:1", "--scenario a --no-verdict", "run scenario=a no-verdict"),
    ("LAB_PROMETHEUS=nonsense", "--list", "run list"),
    ("LAB_PROMETHEUS_TOKEN=x", "--scenario a --no-verdict", "run scenario=a no-verdict"),
    ("LAB_CONFIG=/l LAB_PORT_OFFSET=7", "--scenario a", "run scenario=a"),
    // The same with its command.
    ("", "run smoke", "run scenario=smoke"),
    ("", "run latency partition-one,smoke --loop 2", "run scenario=latency|partition-one,smoke loop=2"),
    ("", "run a --scenario b --playlist c", "run scenario=a|b|c"),
    ("", "run smoke --loop", "run scenario=smoke loop=forever"),
    ("", "run --list", "run list"),
    ("", "--config l --toxiproxy http://t:1 run a -q", "run scenario=a toxiproxy=http://t:1 config=l quiet"),
    ("LAB_STATE=/s", "--state-dir d run a", "run scenario=a state-dir=d"),
    ("LAB_PROMETHEUS=http://p:1", "run a --no-verdict", "run scenario=a no-verdict"),
    // Other commands, with the flags of every command on either side of them.
    ("", "list", "list"),
    ("", "list latency smoke --json", "list names=latency|smoke json"),
    ("", "list --markdown", "list markdown"),
    ("", "--catalogue c list", "list catalogue=c"),
    ("", "list --catalogue c x", "list names=x catalogue=c"),
    ("", "list --state-dir s --metrics-addr h:1 --config l", "list config=l"),
    ("", "list latency --runnable --config l", "list names=latency runnable config=l"),
    ("", "--config l list --propose", "list propose config=l"),
    ("", "show packet-loss-10", "show name=packet-loss-10"),
    ("", "--config l show a --catalogue c", "show name=a config=l catalogue=c"),
    ("LAB_STATE=/s", "show a", "show name=a"),
    ("", "check", "check"),
    ("", "check config a.yaml", "check paths=config|a.yaml"),
    ("", "--state-dir D check", "check"),
    ("", "--config l --catalogue c check p", "check paths=p config=l catalogue=c"),
    ("", "--config l check p --config m", "check paths=p config=m"),
    ("LAB_STATE=/s LAB_PROMETHEUS=http://p:1", "check", "check"),
    ("", "guard", "guard interval=1s"),
    ("", "guard --interval 200ms", "guard interval=200ms"),
    (
        "",
        "--toxiproxy http://t:1 --state-dir s guard --metrics-addr h:2 --config l",
        "guard interval=1s toxiproxy=http://t:1 state-dir=s metrics-addr=h:2 config=l",
    ),
    ("LAB_STATE=/s", "guard", "guard interval=1s state-dir=/s"),
    ("LAB_STATE=/s", "--state-dir d guard", "guard interval=1s state-dir=d"),
    ("LAB_STATE=/s", "guard --state-dir d", "guard interval=1s state-dir=d"),
    ("LAB_PROMETHEUS=http://p:1", "--catalogue c guard", "guard interval=1s"),
    ("", "clean", "clean"),
    ("", "clean --dry-run", "clean dry-run"),
    ("", "--toxiproxy http://t:1 clean --dry-run", "clean dry-run toxiproxy=http://t:1"),
    ("", "clean --toxiproxy http://t:1 --state-dir s", "clean toxiproxy=http://t:1 state-dir=s"),
    ("LAB_STATE=/s", "clean", "clean state-dir=/s"),
    ("", "proxies", "proxies"),
    ("", "--catalogue none proxies --state-dir none", "proxies"),
    ("", "--config l proxies --metrics-addr h:1", "proxies config=l"),
    ("", "health", "health"),
    ("", "--metrics-addr h:1 health --config l", "health metrics-addr=h:1 config=l"),
    ("LAB_STATE=/s", "health --metrics-addr h:1", "health metrics-addr=h:1"),
    ("", "completions bash", "completions shell=bash"),
    ("", "--catalogue c completions zsh --config l", "completions shell=zsh catalogue=c"),
    // Texts.
    ("", "--help", "text"),
    ("", "-h", "text"),
    ("", "--version", "text"),
    ("", "help", "text"),
    ("", "help guard", "text"),
    ("", "guard --help", "text"),
    ("", "--scenario smoke --help", "text"),
];

/// Lines that end with exit code 2, here or when the command's words are looked up.
const REFUSED: &[&str] = &[
    "packet-loss-10",
    "--scenario a run",
    "--loop 3 run smoke",
    "run smoke --no-verdict --prometheus http://p:1",
    "run --interval 1s",
    "start mine.yaml",
    "lisst",
    "help lisst",
    "--scenario",
    "--scenaro x",
    "--scenario x list",
    "--scenario x --loop 0",
    "--scenario x --loop -1",
    "--scenario x --seed -1",
    "--scenario x --seed 1 --seed 2",
    "--scenario x --config a --config b",
    "--scenario x --time-scale nan",
    "--scenario x --no-verdict --prometheus http://p:1",
    "--scenario x --toxiproxy localhost",
    "--scenario smoke latency",
    "--json list",
    "--list check",
    "--quiet guard",
    "--seed 3 show a",
    "--dry-run clean",
    "--toxiproxy http://t:1 list",
    "list --toxiproxy http://t:1",
    "show a --toxiproxy http://t:1",
    "--toxiproxy http://t:1 proxies",
    "check --scenario smoke",
    "show",
    "show a b",
    "show a --dry-run",
    "list --json --markdown",
    "list --json --propose",
    "guard --interval 0s",
    "clean --json",
    "proxies x",
    "completions",
    "completions bahs",
];

/// Holds the variables of the rows in a process of the test below.
const MARK: &str = "TEST_VARIABLES";

/// Variables belong to a whole process, so each set of them gets one of its own, which is this test again.
#[test]
fn each_command_line_parses_to_what_the_table_says() {
    assert!(ACCEPTED.len() >= 40);
    let sets: BTreeSet<&str> = ACCEPTED.iter().map(|(variables, ..)| *variables).collect();
    let Ok(mine) = std::env::var(MARK) else {
        for set in sets {
            let mut child = process::Command::new(std::env::current_exe().unwrap());
            let lab = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LAB_"));
            lab.for_each(|(name, _)| {
                child.env_remove(name);
            });
            child.envs(set.split_whitespace().filter_map(|variable| variable.split_once('=')));
            child.env(MARK, set).args(["each_command_line_parses_to_what_the_table_says", "--nocapture"]);
            let output = child.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let said = text.clone() + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && text.contains("1 passed"), "{set}\n{said}");
        }
        return;
    };
    for (_, line, parsed) in ACCEPTED.iter().filter(|(variables, ..)| *variables == mine) {
        assert_eq!(described(line).as_deref(), Ok(*parsed), "{line}");
    }
}

#[test]
fn lines_that_make_no_sense_stay_refused() {
    for line in REFUSED {
        let described = described(line);
        assert!(described.is_err(), "{line}: {described:?}");
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

fn described(line: &str) -> Result<String, String> {
    let args = ["scenariod"].into_iter().chain(line.split_whitespace()).map(OsString::from);
    match parse(args) {
        Ok(CommandLine::Text(text)) => {
            assert!(!text.is_empty());
            Ok("text".to_owned())
        }
        Ok(CommandLine::Cli(cli)) => described_cli(*cli).ok_or("unknown command".to_owned()),
        Err(error) => {
            assert_eq!(error.exit(), Exit::Usage, "{error}");
            Err(error.to_string())
        }
    }
}

/// Words of a description, one flag after the other.
struct Words(String);

impl Words {
    fn value(mut self, name: &str, value: Option<impl Display>) -> Words {
        if let Some(value) = value {
            self.0 += &format!(" {name}={value}");
        }
        self
    }

    fn path(self, name: &str, path: Option<&PathBuf>) -> Words {
        self.value(name, path.map(|path| path.display()))
    }

    fn all(self, name: &str, words: &[String]) -> Words {
        self.value(name, (!words.is_empty()).then(|| words.join("|")))
    }

    fn flag(mut self, name: &str, given: bool) -> Words {
        if given {
            self.0 += &format!(" {name}");
        }
        self
    }
}

fn loops(loops: Loops) -> String {
    match loops {
        Loops::Times(times) => times.to_string(),
        Loops::Forever => "forever".to_owned(),
    }
}

fn described_run(args: &RunArgs) -> Words {
    let second = std::time::Duration::from_secs(1);
    Words("run".to_owned())
        .all("scenario", &args.scenario)
        .value("loop", args.loops.map(loops))
        .value("pause", args.pause)
        .flag("dry-run", args.dry_run)
        .flag("list", args.list)
        .value("time-scale", args.time_scale.map(|scale| scale.of(second).as_secs_f64()))
        .value("toxiproxy", args.toxiproxy.toxiproxy.as_ref())
        .flag("allow-foreign", args.allow_foreign)
        .path("state-dir", args.state.state_dir.as_ref())
        .value("prometheus", args.prometheus.as_ref())
        .path("prometheus-token-file", args.prometheus_token_file.as_ref())
        .flag("no-verdict", args.no_verdict)
        .flag("json", args.json)
        .value("metrics-addr", args.metrics_addr.as_ref())
        .path("config", args.lab.config.as_ref())
        .path("catalogue", args.catalogue.catalogue.as_ref())
        .value("retry-inconclusive", Some(args.retry_inconclusive).filter(|retries| *retries > 0))
        .value("linger", args.linger)
        .value("seed", args.seed)
        .flag("quiet", args.quiet)
}

/// `None` for an unknown command.
fn described_cli(cli: Cli) -> Option<String> {
    let words = |name: &str| Words(name.to_owned());
    let words = match cli.command {
        None => described_run(&cli.short),
        Some(SubCommand::Run(command)) => described_run(&command.into_args()),
        Some(SubCommand::List(args)) => words("list")
            .all("names", &args.names)
            .flag("json", args.json)
            .flag("markdown", args.markdown)
            .flag("runnable", args.runnable)
            .flag("propose", args.propose)
            .path("config", args.lab.config.as_ref())
            .path("catalogue", args.catalogue.catalogue.as_ref()),
        Some(SubCommand::Show(args)) => words("show")
            .value("name", Some(args.name))
            .path("config", args.lab.config.as_ref())
            .path("catalogue", args.catalogue.catalogue.as_ref()),
        Some(SubCommand::Check(args)) => {
            let paths: Vec<String> = args.paths.iter().map(|path| path.display().to_string()).collect();
            words("check")
                .all("paths", &paths)
                .path("config", args.lab.config.as_ref())
                .path("catalogue", args.catalogue.catalogue.as_ref())
        }
        Some(SubCommand::Guard(args)) => words("guard")
            .value("interval", Some(args.interval))
            .value("toxiproxy", args.toxiproxy.toxiproxy.as_ref())
            .path("state-dir", args.state.state_dir.as_ref())
            .value("metrics-addr", args.metrics_addr.as_ref())
            .path("config", args.lab.config.as_ref()),
        Some(SubCommand::Clean(args)) => words("clean")
            .flag("dry-run", args.dry_run)
            .value("toxiproxy", args.toxiproxy.toxiproxy.as_ref())
            .path("state-dir", args.state.state_dir.as_ref())
            .path("config", args.lab.config.as_ref()),
        Some(SubCommand::Proxies(lab)) => words("proxies").path("config", lab.config.as_ref()),
        Some(SubCommand::Health(args)) => words("health")
            .value("metrics-addr", args.metrics_addr.as_ref())
            .path("config", args.lab.config.as_ref()),
        Some(SubCommand::Completions(args)) => words("completions")
            .value("shell", Some(args.shell))
            .path("catalogue", args.catalogue.catalogue.as_ref()),
        Some(SubCommand::Other(_)) => return None,
    };
    Some(words.0)
}
