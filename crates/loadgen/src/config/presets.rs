//! Workloads and clients: presets that are built in, and files of the user. They are found and read here; what they mean is
//! decided elsewhere.

use std::path::{Path, PathBuf};

use daemon_core::lab::Lab;
use daemon_core::suggest::did_you_mean;
use daemon_core::yaml::Document;

use super::error::ConfigError;

/// A file that is compiled into the program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! shipped {
    ($folder:literal: $($name:literal),+) => {
        &[$(Preset {
            name: $name,
            text: include_str!(concat!("../../../../config/", $folder, "/", $name, ".yaml")),
        }),+]
    };
}

pub(crate) const WORKLOADS: &[Preset] =
    shipped!("workloads": "mixed", "get", "get-heavy", "set-heavy", "zipf");

pub(crate) const CLIENTS: &[Preset] = shipped!("clients": "default", "fail-fast", "patient", "go-original");

/// The folder of the lab file. Paths in the lab file are relative to it.
pub(super) fn folder_of(lab: &Lab) -> &Path {
    Path::new(lab.document().name()).parent().unwrap_or(Path::new(""))
}

/// Whether a file's name ends in `.yaml` or `.yml`.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// A preset by its name, or a file by its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PresetOrFile {
    Preset(&'static Preset),
    File(PathBuf),
}

impl PresetOrFile {
    /// Parses a name or a path. The error says what the text must be.
    pub(crate) fn parse(presets: &'static [Preset], text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if is_yaml(path) {
            return Ok(Self::File(path.to_owned()));
        }
        let names = || presets.iter().map(|shipped| shipped.name);
        presets.iter().find(|shipped| shipped.name == text).map(Self::Preset).ok_or_else(|| {
            let words: Vec<&str> = names().collect();
            format!("must be one of {} or a .yaml file{}", words.join(", "), did_you_mean(text, names()))
        })
    }

    /// Makes a relative path relative to this folder.
    pub(crate) fn relative_to(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            Self::Preset(_) => self,
        }
    }

    pub(crate) fn read(&self) -> Result<Document, ConfigError> {
        match self {
            Self::Preset(shipped) => {
                Ok(Document::parse(format!("{}.yaml (built in)", shipped.name), shipped.text)?)
            }
            Self::File(path) => Ok(Document::parse(path.display().to_string(), Document::read_text(path)?)?),
        }
    }
}
