//! Builders for the tests: one command line with what it must say, and a lab on which short scenarios are walked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use testkit::{Daemon, Lab, Toxiproxy, free_addr, secs};

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_scenariod");
/// No run of a test takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(40);

/// scenariod in an environment without the user's variables and with a state folder that is not the user's. It is one
/// folder for all: what needs its own has a lab, and `Lab::command`.
pub(crate) fn command() -> Command {
    let mut command = Command::new(BIN);
    command.env("LAB_STATE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"));
    for variable in ["LAB_CONFIG", "LAB_PORT_OFFSET", "RUST_LOG", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(variable);
    }
    command
}

/// One command line, run in a folder of its own, and what is expected of it.
#[must_use = "call `run`"]
pub(crate) struct Expect {
    folder: tempfile::TempDir,
    args: Vec<String>,
    code: i32,
    stderr: Option<String>,
    stdout: Option<String>,
}

impl Expect {
    /// Success, whatever it says.
    pub(crate) fn of(args: &[&str]) -> Expect {
        let args = args.iter().map(ToString::to_string).collect();
        Expect { folder: tempfile::tempdir().unwrap(), args, code: 0, stderr: None, stdout: None }
    }

    /// A file in the folder where the command is run.
    pub(crate) fn file(self, name: &str, text: &str) -> Expect {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn code(self, code: i32) -> Expect {
        Expect { code, ..self }
    }

    /// The exact standard error, its last line break left out.
    pub(crate) fn stderr(self, text: impl Into<String>) -> Expect {
        Expect { stderr: Some(text.into()), ..self }
    }

    /// The exact standard output, its last line break left out.
    pub(crate) fn stdout(self, text: impl Into<String>) -> Expect {
        Expect { stdout: Some(text.into()), ..self }
    }

    /// Runs it and compares.
    #[track_caller]
    pub(crate) fn run(self) {
        let mut command = command();
        command.args(&self.args).current_dir(self.folder.path());
        command.env("LAB_STATE", self.folder.path().join("state"));
        let output = command.output().unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(self.code), "{:?}\n{stdout}{stderr}", self.args);
        for (expected, found) in [(self.stderr, stderr), (self.stdout, stdout)] {
            if let Some(expected) = expected {
                assert_eq!(found.trim_end_matches('\n'), expected, "{:?}", self.args);
            }
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_owned()).unwrap()
}

/// Short phases on a lab of its own: `slow` makes one node slow, `both` two of them.
pub(crate) const SCENARIOS: &str = "\
family: short
phases: { stabilization: 400ms, testing: 800ms, recovery: 400ms }
scenarios:
  - { name: slow, about: one node slow, faults: [{ target: memcached1, fault: latency, delay: 7ms, jitter: 3ms }] }
  - { name: both, about: two nodes slow, faults: [{ target: [memcached1, memcached2], fault: latency, delay: 7ms }] }
  - name: long
    about: time enough for a signal in each phase
    phases: { stabilization: 1500ms, testing: 1500ms, recovery: 1500ms }
    faults: [{ target: memcached1, fault: packet_loss, rate: 0.1 }]
";

/// So many toxics make the fault of `long`.
pub(crate) const LONG_TOXICS: usize = 12;

/// Starts a scenario of `SCENARIOS` on the lab. Without lingering unless `args` say so.
#[track_caller]
pub(crate) fn start(lab: &Lab, scenario: &str, args: &[&str]) -> Daemon {
    start_file(lab, scenario, SCENARIOS, args)
}

/// A folder of the lab with this file of scenarios.
#[track_caller]
pub(crate) fn catalogue(lab: &Lab, text: &str) -> PathBuf {
    let folder = lab.folder().join("scenarios");
    std::fs::create_dir_all(&folder).unwrap();
    // Whole or not at all: another run may be reading it.
    std::fs::write(folder.join("short.new"), text).unwrap();
    std::fs::rename(folder.join("short.new"), folder.join("short.yaml")).unwrap();
    folder
}

/// Starts a scenario of a file of its own.
#[track_caller]
pub(crate) fn start_file(lab: &Lab, scenario: &str, text: &str, args: &[&str]) -> Daemon {
    let catalogue = catalogue(lab, text).display().to_string();
    let mut all = vec!["--scenario", scenario, "--catalogue", &catalogue];
    if !args.contains(&"--linger") {
        all.extend(["--linger", "0s"]);
    }
    // These walks are about faults; those with a client and a Prometheus are judged.
    if !args.contains(&"--prometheus") && !args.contains(&"--no-verdict") {
        all.push("--no-verdict");
    }
    all.extend(args);
    lab.scenariod(BIN, all)
}

/// A guard of this lab that looks often.
#[track_caller]
pub(crate) fn guard(lab: &Lab, args: &[&str]) -> Daemon {
    let addr = free_addr();
    let metrics = addr.to_string();
    let all = ["guard", "--interval", "100ms", "--metrics-addr", &metrics];
    let daemon = Daemon::run(lab.command(BIN, all.iter().chain(args))).serving(addr);
    daemon.scrape_until("the guard", secs(10), |_| true);
    daemon
}

/// Waits until the phase gauge says this.
#[track_caller]
pub(crate) fn await_phase(daemon: &Daemon, scenario: &str, phase: u8) {
    daemon.scrape_until(&format!("phase {phase}"), secs(10), |scrape| {
        scrape.value("scenario_phase", [("scenario", scenario)]) == Some(f64::from(phase))
    });
}

/// The exit code; nothing of ours may be left by then.
#[track_caller]
pub(crate) fn clean_exit(daemon: &Daemon, toxiproxy: &Toxiproxy) -> i32 {
    let code = daemon.wait_exit(DEADLINE);
    assert_eq!(ours(toxiproxy), Vec::<String>::new(), "\n{}", daemon.stderr());
    code
}

/// The toxics that scenariod put on, read past it.
#[track_caller]
pub(crate) fn ours(toxiproxy: &Toxiproxy) -> Vec<String> {
    toxiproxy.toxic_names().into_iter().filter(|name| name.contains("/rl.")).collect()
}

/// One toxic without its name.
pub(crate) fn nameless(toxic: &Value) -> Value {
    let mut toxic = toxic.clone();
    toxic.as_object_mut().unwrap().remove("name");
    toxic
}

/// A path of the repository.
pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
        .canonicalize()
        .unwrap()
        .display()
        .to_string()
}
