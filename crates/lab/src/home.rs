//! The folder of a lab and the lab's identity: a random id in a file. So a lab is the same through symbolic links, renames, bind
//! mounts and relative names of its folder. A copy of the folder is another lab.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};

const FILE: &str = "id";

/// The folder of a lab, with the lab's id.
#[derive(Debug)]
pub(crate) struct Home {
    path: PathBuf,
    id: String,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {} as the folder of the lab", .path.display())]
pub(crate) struct HomeError {
    path: PathBuf,
    source: io::Error,
}

impl UserError for HomeError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        Some("set LAB_HOME to another folder".to_owned())
    }
}

impl Home {
    /// Opens the folder, or creates it. A folder without an id of its own gets one.
    pub(crate) fn open(path: &Path) -> Result<Home, HomeError> {
        let failed = |source| HomeError { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let folder = fs::metadata(&path).map_err(failed)?;
        // The id file holds the inode of its folder. A copied folder has another inode, so the id in it is not its own.
        let place = format!("{}:{}", folder.dev(), folder.ino());
        let file = path.join(FILE);
        let written = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        if let Some((id, of)) = written.trim_end().split_once(' ')
            && of == place
        {
            return Ok(Home { id: id.to_owned(), path });
        }
        let id = format!("{:016x}", fastrand::u64(..));
        fs::write(&file, format!("{id} {place}\n")).map_err(failed)?;
        Ok(Home { path, id })
    }

    /// The value of `LAB_MEMBER` and `LAB_SUPERVISOR` of this lab's processes.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// A file or folder of the lab.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The services as supervised.
    pub(crate) fn services(&self) -> PathBuf {
        self.join("service")
    }

    /// The services as written, not installed yet.
    pub(crate) fn new_services(&self) -> PathBuf {
        self.join("service.new")
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn id(path: &Path) -> String {
        Home::open(path).unwrap().id().to_owned()
    }

    #[test]
    fn a_folder_is_the_same_lab_by_every_name_and_a_copy_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        let first = id(&real);
        symlink(&real, folder.path().join("link")).unwrap();
        assert_eq!(id(&folder.path().join("link")), first, "a symbolic link");
        assert_eq!(id(&real.join("../real/")), first, "another spelling");
        let renamed = folder.path().join("renamed ü:'x");
        fs::rename(&real, &renamed).unwrap();
        assert_eq!(id(&renamed), first, "a new name");
        let copy = folder.path().join("copy");
        fs::create_dir(&copy).unwrap();
        fs::copy(renamed.join(FILE), copy.join(FILE)).unwrap();
        assert_ne!(id(&copy), first, "a copy");
        assert_eq!(id(&copy), id(&copy), "and it keeps what it got");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Home::open(&file.path().join("lab")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot use {}/lab as the folder of the lab", file.path().display())
        );
        assert_eq!(error.exit(), Exit::Setup);
    }
}
