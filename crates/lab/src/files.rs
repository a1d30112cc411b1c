//! Writes the files of the native lab: its services, and the configuration of Prometheus. Nothing is installed or started here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use daemon_core::lab::{Lab, LabError};

use crate::cli::Write;
use crate::home::Home;
use crate::machine;
use crate::parts::{Places, parts};
use crate::prometheus_files::{self, CopyError};
use crate::service;

/// The files cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("cannot write {}", .path.display())]
    Write { path: PathBuf, source: io::Error },
}

impl UserError for FilesError {
    fn exit(&self) -> Exit {
        match self {
            FilesError::Lab(error) => error.exit(),
            FilesError::Copy(_) | FilesError::Write { .. } => Exit::Setup,
        }
    }
}

/// Writes all files, and returns the names of the parts, one per line, in the order of their start.
pub(crate) fn write(home: &Home, lab: &Lab, options: &Write) -> Result<String, FilesError> {
    let addresses = lab.addresses()?;
    let prometheus_files = prometheus_files::write(&home.join("prometheus"), &addresses, &options.root)?;
    let lab_file = lab.path().map_or_else(|| options.root.join("config/lab.yaml"), Path::to_owned);
    let environment = [
        ("LAB_CONFIG", lab_file.clone().into_os_string()),
        ("LAB_PORT_OFFSET", lab.port_offset.to_string().into()),
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
    ];
    let places = Places {
        home,
        root: &options.root,
        programs: &options.programs,
        daemons: &options.daemons,
        lab_file: &lab_file,
        as_root: machine::is_root(),
        grafana: machine::grafana(),
        environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
        loadgen_variables: machine::variables(&options.loadgen_variables),
        prometheus_files,
    };
    let services = home.new_services();
    let failed = |source| FilesError::Write { path: services.clone(), source };
    match fs::remove_dir_all(&services) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let parts = parts(lab, &addresses, &places);
    for part in &parts {
        service::write(part, &places, &services).map_err(failed)?;
    }
    Ok(parts.into_iter().map(|part| part.name + "\n").collect())
}
