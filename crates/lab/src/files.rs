//! Writes the files of the native lab: services, Prometheus' configuration with this lab's targets. What has not changed is
//! left as it is, and what has is replaced whole, so that a reader sees old or new and nothing between.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Addresses, Lab, LabError};
use daemon_core::values::HostPort;

use crate::cli::Write;
use crate::home::Home;
use crate::parts::{Places, parts};
use crate::service::{self, Common};

/// Why files are not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl UserError for FilesError {
    fn exit(&self) -> Exit {
        match self {
            FilesError::Lab(error) => error.exit(),
            FilesError::Write { .. } => Exit::Setup,
        }
    }
}

/// Writes everything; gives the names of the parts, a line each, in the order of their start.
pub(crate) fn write(home: &Home, lab: &Lab, options: &Write) -> Result<String, FilesError> {
    let addresses = lab.addresses()?;
    let prometheus_files = write_prometheus(home, &addresses, &options.root)?;
    let lab_file = lab.path().map_or_else(|| options.root.join("config/lab.yaml"), Path::to_owned);
    let places = Places {
        home,
        root: &options.root,
        programs: &options.programs,
        daemons: &options.daemons,
        lab_file: &lab_file,
        as_root: is_root(),
        grafana: on_path("grafana").or_else(|| on_path("grafana-server")),
        loadgen_variables: variables(&options.loadgen_variables),
        prometheus_files,
    };
    let environment: Vec<(String, OsString)> = [
        ("LAB_CONFIG", lab_file.clone().into_os_string()),
        ("LAB_PORT_OFFSET", lab.port_offset.to_string().into()),
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let common = Common {
        id: home.id(),
        root: &options.root,
        programs: &options.programs,
        answers: &options.root.join("deploy/native/answers.sh"),
        logs: &home.join("log"),
        environment: &environment,
    };
    let services = home.new_services();
    let failed = |source| FilesError::Write { path: services.clone(), source };
    match fs::remove_dir_all(&services) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let parts = parts(lab, &addresses, &places);
    for part in &parts {
        service::write(part, &common, &services).map_err(failed)?;
    }
    Ok(parts.into_iter().map(|part| part.name + "\n").collect())
}

/// Configuration, rules and targets of Prometheus; gives the files.
fn write_prometheus(home: &Home, addresses: &Addresses, root: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let (from, to) = (root.join("prometheus"), home.join("prometheus"));
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FilesError::Write { path, source }
    };
    let mut files = Vec::new();
    let mut put = |name: PathBuf, text: Vec<u8>| {
        let path = to.join(name);
        replace(&path, &text).map_err(failed(&path))?;
        files.push(path);
        Ok::<(), FilesError>(())
    };
    let config = from.join("prometheus.yml");
    put("prometheus.yml".into(), fs::read(&config).map_err(failed(&config))?)?;
    let rules = from.join("rules");
    for rule in fs::read_dir(&rules).map_err(failed(&rules))? {
        let rule = rule.map_err(failed(&rules))?;
        put(Path::new("rules").join(rule.file_name()), fs::read(rule.path()).map_err(failed(&rule.path()))?)?;
    }
    for (job, address) in targets(addresses) {
        let text = address.map_or_else(|| "[]\n".to_owned(), |address| format!("- targets: ['{address}']\n"));
        put(format!("targets/{job}.yml").into(), text.into_bytes())?;
    }
    remove_others(&to.join("rules"), &files).map_err(failed(&to))?;
    files.sort();
    Ok(files)
}

/// The jobs of prometheus.yml with what they scrape natively.
fn targets(addresses: &Addresses) -> [(&'static str, Option<&HostPort>); 4] {
    [
        ("loadgen", Some(&addresses.loadgen)),
        ("scenariod", Some(&addresses.scenariod)),
        ("guard", Some(&addresses.guard)),
        ("alertmanager", None),
    ]
}

/// A rule that the checkout does not have any more.
fn remove_others(folder: &Path, keep: &[PathBuf]) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !keep.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    fs::write(&new, text)?;
    fs::rename(new, path)
}

fn is_root() -> bool {
    procfs::process::Process::myself().and_then(|own| own.uid()).is_ok_and(|uid| uid == 0)
}

/// Of the variables named, those that are set; an empty one counts as unset.
fn variables(names: &[String]) -> Vec<(String, OsString)> {
    let value = |name: &String| std::env::var_os(name).filter(|value| !value.is_empty());
    names.iter().filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())?;
    found.canonicalize().ok()
}
