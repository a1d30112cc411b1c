//! A native lab of a test: a folder and ports of its own, `deploy/lab.sh`, and an orderly end.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use testkit::{command, workspace, workspace_bin};

/// Ports of the shipped lab file.
const PORTS: [u16; 12] = [8474, 9090, 9091, 9092, 9095, 11211, 11212, 11213, 21211, 21212, 21213, 3000];

/// A lab that is stopped on drop.
pub(crate) struct NativeLab {
    folder: TempDir,
    pub(crate) checkout: PathBuf,
    pub(crate) home: PathBuf,
    pub(crate) offset: u16,
    pub(crate) config: Option<PathBuf>,
    path: OsString,
}

/// What a command did.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl NativeLab {
    /// A lab of this checkout in a folder of its own, with daemons that are already built.
    pub(crate) fn new() -> NativeLab {
        NativeLab::of(|_| workspace().canonicalize().unwrap(), |folder, _| folder.join("home"))
    }

    /// A lab of a copy of this checkout in a folder with this name. Its folder is `.lab` in the copy.
    pub(crate) fn in_folder(name: &str) -> NativeLab {
        NativeLab::of(|folder| copy_checkout(&folder.join(name)), |_, checkout| checkout.join(".lab"))
    }

    fn of(checkout: impl Fn(&Path) -> PathBuf, home: impl Fn(&Path, &Path) -> PathBuf) -> NativeLab {
        let folder = tempfile::tempdir().unwrap();
        let checkout = checkout(folder.path());
        let home = home(folder.path(), &checkout);
        let stubs = folder.path().join("stubs");
        fs::create_dir(&stubs).unwrap();
        write_cargo(&stubs.join("cargo"));
        let mut path = OsString::from(&stubs);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        NativeLab { folder, checkout, home, offset: free_offset(), config: None, path }
    }

    /// Uses the real cargo, which builds the daemons if they are not built.
    pub(crate) fn with_cargo(self) -> NativeLab {
        fs::remove_file(self.folder.path().join("stubs/cargo")).unwrap();
        self
    }

    /// Uses a copy of the shipped lab file with this rate: daemons that are built for tests are slow.
    pub(crate) fn with_rate(mut self, rate: u32) -> NativeLab {
        let shipped = fs::read_to_string(self.checkout.join("config/lab.yaml")).unwrap();
        let file = self.folder().join("lab.yaml");
        fs::write(&file, shipped.replace("rate: 3000", &format!("rate: {rate}"))).unwrap();
        self.config = Some(file);
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A folder that comes first on the PATH of every command.
    pub(crate) fn stubs(&self) -> PathBuf {
        self.folder().join("stubs")
    }

    /// A command with the variables of this lab.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = command(program.as_ref());
        command
            .env("LAB_ENGINE", "native")
            .env("LAB_PROFILE", "dev")
            .env("LAB_PORT_OFFSET", self.offset.to_string())
            .env("LAB_HOME", &self.home)
            .env("PATH", &self.path);
        if let Some(config) = &self.config {
            command.env("LAB_CONFIG", config);
        }
        command
    }

    /// `deploy/lab.sh` with one argument.
    pub(crate) fn lab_sh(&self, argument: &str) -> Command {
        let mut command = self.command(self.checkout.join("deploy/lab.sh"));
        command.arg(argument);
        command
    }

    pub(crate) fn run(&self, argument: &str) -> Ran {
        ran(&mut self.lab_sh(argument))
    }

    #[track_caller]
    pub(crate) fn up(&self) -> String {
        self.run("up").succeeded()
    }

    #[track_caller]
    pub(crate) fn down(&self) -> String {
        self.run("down").succeeded()
    }

    /// The process ids that runit supervises, of one service or of all.
    pub(crate) fn pids(&self) -> Vec<(String, String)> {
        let services = fs::read_dir(self.home.join("service")).unwrap().flatten();
        let mut pids: Vec<_> = services
            .filter_map(|service| {
                let pid = fs::read_to_string(service.path().join("supervise/pid")).ok()?;
                Some((service.file_name().to_string_lossy().into_owned(), pid.trim().to_owned()))
            })
            .collect();
        pids.sort();
        pids
    }

    /// Asks the lab's Prometheus; the number of series in the answer.
    pub(crate) fn series(&self, query: &str) -> usize {
        let promtool = testkit::program("promtool");
        let url = format!("http://127.0.0.1:{}", 9091 + self.offset);
        let answer = Command::new(promtool).args(["query", "instant", &url, query]).output().unwrap();
        String::from_utf8_lossy(&answer.stdout).lines().filter(|line| line.contains(" => ")).count()
    }

    /// The processes that have this lab's id in their environment. The id is read from the lab's own file.
    pub(crate) fn left(&self) -> Vec<String> {
        let Ok(id) = fs::read_to_string(self.home.join("id")) else { return Vec::new() };
        let id = id.split_whitespace().next().unwrap().to_owned();
        processes_with(&[format!("LAB_MEMBER={id}"), format!("LAB_SUPERVISOR={id}")])
    }
}

impl Drop for NativeLab {
    fn drop(&mut self) {
        let ran = self.run("down");
        if std::thread::panicking() {
            eprintln!("down: exit {}: {}", ran.code, ran.text);
        }
    }
}

impl Ran {
    /// Its output.
    #[track_caller]
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, 0, "{}", self.text);
        self.text
    }
}

/// Runs a command to its end; output and errors are one text.
pub(crate) fn ran(command: &mut Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    Ran { code: status.code().unwrap_or(-1), text }
}

/// Writes a script that can be executed.
pub(crate) fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn processes_with(variables: &[String]) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let matching = processes.filter_map(|process| {
        let environment = fs::read(process.path().join("environ")).ok()?;
        let has = |variable: &str| variables.iter().any(|wanted| wanted == variable);
        let found =
            environment.split(|byte| *byte == 0).any(|entry| std::str::from_utf8(entry).is_ok_and(has));
        let command = fs::read_to_string(process.path().join("cmdline")).ok()?;
        found.then(|| format!("{} {}", process.file_name().to_string_lossy(), command.replace('\0', " ")))
    });
    matching.collect()
}

/// A cargo that has built already: it prints the messages of a build, so that no test waits for one.
fn write_cargo(path: &Path) {
    let bin = |name: &str, path: &Path| {
        format!(
            "    {name}) echo '{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"{name}\"}},\"executable\":\"{}\"}}' ;;\n",
            path.display()
        )
    };
    let lab = bin("lab", Path::new(env!("CARGO_BIN_EXE_lab")));
    let daemons = ["loadgen", "scenariod"].map(|name| bin(name, &workspace_bin(name))).concat();
    script(
        path,
        &format!("[ \"$1\" = build ] || exit 1\nfor word; do\n  case $word in\n{lab}{daemons}  esac\ndone\n"),
    );
}

/// The parts of a checkout that `up` needs, with links to the programs of this one.
fn copy_checkout(to: &Path) -> PathBuf {
    let from = workspace().canonicalize().unwrap();
    fs::create_dir_all(to.join(".lab/bin")).unwrap();
    for part in ["deploy", "config", "prometheus", "grafana/dashboards", "grafana/provisioning"] {
        fs::create_dir_all(to.join(part).parent().unwrap()).unwrap();
        assert!(
            Command::new("cp").arg("-r").arg(from.join(part)).arg(to.join(part)).status().unwrap().success()
        );
    }
    for program in fs::read_dir(from.join(".lab/bin")).unwrap().flatten() {
        let name = program.file_name();
        if !["lab", "loadgen", "scenariod"].iter().any(|ours| name == *ours) {
            symlink(program.path().canonicalize().unwrap(), to.join(".lab/bin").join(name)).unwrap();
        }
    }
    to.to_owned()
}

/// An offset at which every port of the shipped lab file is free, and below the ports of outgoing connections.
fn free_offset() -> u16 {
    let free = |offset: u16| PORTS.iter().all(|port| TcpListener::bind(("127.0.0.1", port + offset)).is_ok());
    std::iter::repeat_with(|| fastrand::u16(8_000..11_000)).take(1_000).find(|offset| free(*offset)).unwrap()
}
