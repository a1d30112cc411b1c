//! Writes the folder of a service: `run` and `log/run` for runit; `check`, `address` and `stamp` for the lab's scripts. Every word is
//! quoted for `/bin/sh`, because a folder may have any name.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use daemon_core::values::HostPort;

use crate::parts::{Part, Places, Probe};

/// The script that finds out whether a part answers, in the checkout.
pub(crate) const ANSWERS: &str = "deploy/native/answers.sh";

/// Writes the folder of a service below `services`.
pub(crate) fn write(part: &Part, places: &Places<'_>, services: &Path) -> io::Result<()> {
    let folder = services.join(&part.name);
    let log = places.home.join("log").join(&part.name);
    fs::create_dir_all(folder.join("log"))?;
    fs::create_dir_all(&log)?;
    fs::write(log.join("config"), "s1000000\nn4\n")?;
    let run = run_script(part, places);
    let svlogd = [places.programs.join("svlogd").into_os_string(), "-tt".into(), log.into_os_string()];
    script(&folder.join("run"), &run)?;
    script(&folder.join("check"), &exec(&check(part, places)))?;
    script(&folder.join("log/run"), &exec(&svlogd))?;
    fs::write(folder.join("address"), format!("{}\n", part.address))?;
    fs::write(folder.join("stamp"), format!("{:016x}\n", stamp(&run, part)))
}

fn run_script(part: &Part, places: &Places<'_>) -> OsString {
    let mut text = OsString::from(format!(
        "#!/bin/sh\n# {} of the lab, supervised by runit.\nexec 2>&1\ncd ",
        part.name
    ));
    text.push(quoted(places.root.as_os_str()));
    text.push(" || exit 1\n");
    let id = ("LAB_MEMBER".to_owned(), OsString::from(places.home.id()));
    for (name, value) in std::iter::once(&id).chain(&places.environment).chain(&part.environment) {
        text.push(format!("export {name}="));
        text.push(quoted(value));
        text.push("\n");
    }
    text.push(exec_line(&part.command));
    text
}

fn check(part: &Part, places: &Places<'_>) -> Vec<OsString> {
    probe_command(&places.root.join(ANSWERS), &part.address, part.probe)
}

/// The command whose exit code is 0 if a part answers there. `answers` is `deploy/native/answers.sh`.
pub(crate) fn probe_command(answers: &Path, address: &HostPort, probe: Probe) -> Vec<OsString> {
    let (kind, path) = match probe {
        Probe::Memcached => ("memcached", None),
        Probe::Http(path) => ("http", Some(path)),
    };
    let host_and_port = [address.host().into(), address.port().to_string().into()];
    let words = [answers.as_os_str().to_owned(), kind.into()].into_iter().chain(host_and_port);
    words.chain(path.map(OsString::from)).collect()
}

fn exec(words: &[OsString]) -> OsString {
    let mut text = OsString::from("#!/bin/sh\n");
    text.push(exec_line(words));
    text
}

fn exec_line(words: &[OsString]) -> OsString {
    let mut text = OsString::from("exec");
    for word in words {
        text.push(" ");
        text.push(quoted(word));
    }
    text.push("\n");
    text
}

/// Quotes a word for `/bin/sh`. File names and variables contain no NUL, the only byte that cannot be quoted.
pub(crate) fn quoted(word: &OsStr) -> OsString {
    let quoter = shlex::bytes::Quoter::new().allow_nul(true);
    let bytes =
        quoter.quote(word.as_bytes()).map_or_else(|_| word.as_bytes().to_vec(), |quoted| quoted.into_owned());
    OsString::from_vec(bytes)
}

fn script(path: &Path, text: &OsStr) -> io::Result<()> {
    fs::write(path, text.as_bytes())?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// A hash of the service's script, its program and the files that it depends on.
fn stamp(run: &OsStr, part: &Part) -> u64 {
    let mut hasher = DefaultHasher::new();
    run.hash(&mut hasher);
    let program = part.command.first().map(Path::new);
    for file in program.into_iter().chain(part.depends.iter().map(|path| path.as_path())) {
        // The program itself reports a missing file.
        fs::read(file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
