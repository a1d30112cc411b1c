//! The state folder that daemon and guard share: a journal for each run, which its owner keeps locked while it lives,
//! and a claim for each proxy that somebody is at work on. What is in a journal is the business of `journal`.

pub(crate) mod journal;
pub(crate) mod lock;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use rustix::fs::{Access, FsWord, PROC_SUPER_MAGIC, access, statfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::lease::RunId;
use crate::lease::ownership::Owner;

/// Below the XDG state folder.
const FOLDER: &str = "memcache-resilience-lab";

/// `/proc` and `/sys`, whose rights promise what they do not keep.
const KERNELS: [FsWord; 2] = [PROC_SUPER_MAGIC, 0x6265_6572];

/// Where state is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    folder: PathBuf,
}

/// State cannot be kept: without it nothing may be injected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("there is no state folder: neither LAB_STATE nor XDG_STATE_HOME nor HOME is set")]
    Nowhere,
    #[error("cannot keep state in {}: {reason}", .path.display())]
    Unusable { path: PathBuf, reason: io::Error },
}

impl UserError for StateError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        Some("`--state-dir` names another folder; without one a fault could be left behind".to_owned())
    }
}

/// Somebody else's claim on a proxy.
#[derive(Debug)]
pub(crate) enum ClaimError {
    /// `None`: it has not said yet which run it is.
    Held(Option<String>),
    State(StateError),
}

/// The sole right to put faults on a proxy, as long as it lives.
#[derive(Debug)]
pub(crate) struct Claim {
    _file: File,
}

impl StateDir {
    /// The folder of the flag or, without one, that of the user.
    pub(crate) fn locate(flag: Option<&Path>) -> Result<StateDir, StateError> {
        let named = flag.filter(|path| !path.as_os_str().is_empty()).map(Path::to_owned);
        let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = named
            .or_else(|| variable("XDG_STATE_HOME").map(|path| path.join(FOLDER)))
            .or_else(|| variable("HOME").map(|path| path.join(".local/state").join(FOLDER)));
        Ok(StateDir { folder: folder.ok_or(StateError::Nowhere)? })
    }

    pub(crate) fn journal(&self, run: &RunId) -> PathBuf {
        self.journals().join(format!("{run}.jsonl"))
    }

    /// Every journal, the oldest first.
    pub(crate) fn runs(&self) -> Vec<RunId> {
        let entries = fs::read_dir(self.journals()).into_iter().flatten().flatten();
        let run =
            |entry: fs::DirEntry| entry.file_name().to_str()?.strip_suffix(".jsonl").and_then(RunId::parse);
        let mut runs: Vec<RunId> = entries.filter_map(run).collect();
        runs.sort();
        runs
    }

    /// Whether the run's process lives. What cannot be read tells nothing.
    pub(crate) fn owner(&self, run: &RunId) -> Owner {
        match File::open(self.journal(run)).and_then(|file| lock::is_held(&file)) {
            Ok(true) => Owner::Alive,
            Ok(false) => Owner::Dead,
            Err(_) => Owner::Unknown,
        }
    }

    /// Whether journals and claims could be kept. Only looks.
    pub(crate) fn usable(&self) -> Result<(), StateError> {
        keeps(&self.journals())?;
        keeps(&self.claims())
    }

    /// Makes the folder and opens a new file in it.
    pub(crate) fn create(&self, path: &Path) -> Result<File, StateError> {
        let folder = path.parent().unwrap_or(&self.folder);
        let opened = fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path));
        opened.map_err(|reason| StateError::Unusable { path: path.to_owned(), reason })
    }

    /// Claims a proxy of the Toxiproxy at `url`.
    pub(crate) fn claim(&self, url: &str, server: &str, run: &RunId) -> Result<Claim, ClaimError> {
        let path = self.claim_on(url, server);
        let mut file = self.create(&path).map_err(ClaimError::State)?;
        let failed = |reason| ClaimError::State(StateError::Unusable { path: path.clone(), reason });
        if !lock::try_hold(&file).map_err(failed)? {
            return Err(ClaimError::Held(self.holder(&path)));
        }
        let written = file.set_len(0).and_then(|()| file.write_all(run.as_str().as_bytes()));
        written.map_err(failed)?;
        Ok(Claim { _file: file })
    }

    /// The live run that has claimed a proxy. Only reads, and touches no claim: a run that takes it right then gets it.
    pub(crate) fn claimant(&self, url: &str, server: &str) -> Option<String> {
        self.holder(&self.claim_on(url, server))
    }

    fn claim_on(&self, url: &str, server: &str) -> PathBuf {
        let api = url.split_once("://").map_or(url, |(_, rest)| rest);
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let api: String = api.chars().map(safe).collect();
        self.claims().join(format!("{api}-{server}"))
    }

    /// The run that wrote itself into a claim. It may be the last holder's name: only that of a live one counts.
    fn holder(&self, claim: &Path) -> Option<String> {
        let run = fs::read_to_string(claim).ok().and_then(|text| RunId::parse(&text))?;
        (self.owner(&run) == Owner::Alive).then(|| run.to_string())
    }

    fn journals(&self) -> PathBuf {
        self.folder.join("runs")
    }

    fn claims(&self) -> PathBuf {
        self.folder.join("claims")
    }
}

/// Whether a folder is there in which files can be made, or could be made itself.
fn keeps(folder: &Path) -> Result<(), StateError> {
    // The nearest folder that is there: below it a run makes the others.
    let here = |path| if path == Path::new("") { Path::new(".") } else { path };
    let there = folder.ancestors().map(here).find_map(|path| match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some((path, found)),
    });
    let Some((path, found)) = there else { return Ok(()) };
    let writable = || {
        if !found?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let disk = statfs(path)?;
        if KERNELS.contains(&disk.f_type) {
            return Err(io::Error::other("the kernel keeps no files there"));
        }
        access(path, Access::WRITE_OK | Access::EXEC_OK)?;
        let free = free(disk.f_bfree, disk.f_bavail, geteuid().is_root());
        let full = disk.f_blocks > 0 && free == 0;
        if full { Err(io::Error::from(Errno::NOSPC)) } else { Ok(()) }
    };
    writable().map_err(|reason| StateError::Unusable { path: path.to_owned(), reason })
}

/// Blocks that can be written: what a disk keeps back is root's.
fn free(all: u64, available: u64, root: bool) -> u64 {
    if root { all } else { available }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_disk_keeps_back_is_room_for_root_alone() {
        assert_eq!(free(5_000, 0, false), 0);
        assert_eq!(free(5_000, 0, true), 5_000);
    }

    #[test]
    fn a_proxy_has_one_claim_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::locate(Some(folder.path())).unwrap();
        let (one, two) = (RunId::new(1, 1), RunId::new(2, 2));
        let file = state.create(&state.journal(&one)).unwrap();
        lock::hold(&file).unwrap();
        let claim = |server, run| state.claim("http://127.0.0.1:8474", server, run);
        let held = claim("memcached1", &one).unwrap();
        assert!(matches!(claim("memcached1", &two), Err(ClaimError::Held(Some(run))) if run == one.as_str()));
        assert!(claim("memcached2", &two).is_ok());
        let claimant = |server| state.claimant("http://127.0.0.1:8474", server);
        assert_eq!(claimant("memcached1").as_deref(), Some(one.as_str()));
        assert_eq!((claimant("memcached2"), claimant("memcached3")), (None, None), "dead, and never claimed");
        drop(held);
        assert!(claim("memcached1", &two).is_ok());
    }

    #[test]
    fn a_folder_that_can_keep_no_state_is_found_without_writing_there() {
        let folder = tempfile::tempdir().unwrap();
        let unusable = |path: &Path| {
            let found = StateDir::locate(Some(path)).unwrap().usable();
            found.err().map(|error| error.to_string())
        };
        for kernels in ["/proc", "/sys"] {
            let said = format!("cannot keep state in {kernels}: the kernel keeps no files there");
            assert_eq!(unusable(&Path::new(kernels).join("x")), Some(said));
        }
        assert_eq!(unusable(&folder.path().join("a/b")), None);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let claims = folder.path().join("claims");
        fs::write(&claims, "").unwrap();
        let said = format!("cannot keep state in {}: not a directory", claims.display());
        assert_eq!(unusable(folder.path()), Some(said));
    }

    #[test]
    fn a_run_is_alive_while_its_journal_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::locate(Some(folder.path())).unwrap();
        let run = RunId::new(1, 1);
        assert_eq!(state.owner(&run), Owner::Unknown);
        let file = state.create(&state.journal(&run)).unwrap();
        lock::hold(&file).unwrap();
        assert_eq!(state.owner(&run), Owner::Alive);
        drop(file);
        assert_eq!(state.owner(&run), Owner::Dead);
        assert_eq!(state.runs(), [run]);
    }
}
