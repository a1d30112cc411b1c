//! What comes with the program by name and from the user as a file: workloads and clients. Only the finding and
//! reading live here, not what the files mean.

use std::path::{Path, PathBuf};

use daemon_core::lab::Lab;
use daemon_core::suggest::did_you_mean;
use daemon_core::yaml::Document;

use super::error::ConfigError;

/// A file that is compiled in.
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

/// Where the files lie that the lab file names.
pub(super) fn folder_of(lab: &Lab) -> &Path {
    Path::new(lab.document().name()).parent().unwrap_or(Path::new(""))
}

/// Whether the name of a file says that it holds YAML.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml")
}

/// One file of a kind, by name or by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PresetOrFile {
    Preset(&'static Preset),
    File(PathBuf),
}

impl PresetOrFile {
    /// What a text names, or what it should have been.
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

    /// A path that does not start at the root is of this folder.
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
