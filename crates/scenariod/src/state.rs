//! The state folder, which runs, `clean` and the guard share. It holds a journal for each run, locked while the run is
//! alive, and a claim for each proxy that a run uses. `journal` knows what is in a journal.

pub(crate) mod journal;
pub(crate) mod lock;

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use daemon_core::exit::{Exit, UserError};
use rustix::fs::{Access, FsWord, PROC_SUPER_MAGIC, access, statfs};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::lease::RunId;
use crate::lease::ownership::Liveness;

/// Below the XDG state folder.
const FOLDER: &str = "memcache-resilience-lab";

/// File system types of `/proc` and `/sys`. Their permissions look writable, but no file can be created there.
const KERNEL_FILE_SYSTEMS: [FsWord; 2] = [PROC_SUPER_MAGIC, 0x6265_6572];

/// Only the user may read what a run has done.
const PRIVATE: u32 = 0o600;

/// The folder in which state is kept.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    folder: PathBuf,
}

/// Why no state can be kept. Nothing may be injected then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("no state folder: none of LAB_STATE, XDG_STATE_HOME and HOME is set")]
    Nowhere,
    #[error("cannot keep state in {}: {reason}", .path.display())]
    Unusable { path: PathBuf, reason: io::Error },
}

impl UserError for StateError {
    fn exit(&self) -> Exit {
        Exit::Setup
    }

    fn hint(&self) -> Option<String> {
        Some("name a folder with `--state-dir`; without one a crash could leave a fault behind".to_owned())
    }
}

/// Why a proxy cannot be claimed.
#[derive(Debug)]
pub(crate) enum ClaimError {
    /// Another run has claimed it. `None`: that run has not written its id yet.
    Held(Option<String>),
    State(StateError),
}

/// The sole right to inject faults into a proxy. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _file: File,
}

impl StateDir {
    /// The folder of the flag or, without the flag, that of the user.
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

    /// Whether the process of the run is alive.
    pub(crate) fn liveness(&self, run: &RunId) -> Liveness {
        match File::open(self.journal(run)).and_then(|file| lock::is_held(&file)) {
            Ok(true) => Liveness::Alive,
            Ok(false) => Liveness::Dead,
            Err(_) => Liveness::Unknown,
        }
    }

    /// Checks that journals and claims could be written. Writes nothing.
    pub(crate) fn check_usable(&self) -> Result<(), StateError> {
        check_writable(&self.journals())?;
        check_writable(&self.claims())
    }

    /// Opens a file for writing. Creates it and its folder where they are missing.
    pub(crate) fn create(&self, path: &Path) -> Result<File, StateError> {
        let folder = path.parent().unwrap_or(&self.folder);
        let open = || {
            fs::create_dir_all(folder)?;
            let mut options = OpenOptions::new();
            let options = options.create(true).truncate(false).read(true).write(true).mode(PRIVATE);
            let file = options.open(path)?;
            // An earlier version may have created it for everyone to read.
            file.set_permissions(Permissions::from_mode(PRIVATE))?;
            Ok(file)
        };
        open().map_err(|reason| StateError::Unusable { path: path.to_owned(), reason })
    }

    /// Claims a proxy of the Toxiproxy at `url`.
    pub(crate) fn claim(&self, url: &str, server: &str, run: &RunId) -> Result<Claim, ClaimError> {
        let path = self.claim_path(url, server);
        let mut file = self.create(&path).map_err(ClaimError::State)?;
        let failed = |reason| ClaimError::State(StateError::Unusable { path: path.clone(), reason });
        if !lock::try_hold(&file).map_err(failed)? {
            return Err(ClaimError::Held(self.live_run_in(&path)));
        }
        let written = file.set_len(0).and_then(|()| file.write_all(run.as_str().as_bytes()));
        written.map_err(failed)?;
        Ok(Claim { _file: file })
    }

    /// The live run that has claimed a proxy. Takes no lock, so that it cannot disturb a run that is claiming the proxy.
    pub(crate) fn claim_holder(&self, url: &str, server: &str) -> Option<String> {
        self.live_run_in(&self.claim_path(url, server))
    }

    fn claim_path(&self, url: &str, server: &str) -> PathBuf {
        let api = url.split_once("://").map_or(url, |(_, rest)| rest);
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') { c } else { '_' };
        let api: String = api.chars().map(safe).collect();
        self.claims().join(format!("{api}-{server}"))
    }

    /// The run whose id is in a claim, if it is alive: the id may be that of an earlier holder.
    fn live_run_in(&self, claim: &Path) -> Option<String> {
        let run = fs::read_to_string(claim).ok().and_then(|text| RunId::parse(&text))?;
        (self.liveness(&run) == Liveness::Alive).then(|| run.to_string())
    }

    fn journals(&self) -> PathBuf {
        self.folder.join("runs")
    }

    fn claims(&self) -> PathBuf {
        self.folder.join("claims")
    }
}

/// Checks that files could be created in the folder, which may not exist yet.
fn check_writable(folder: &Path) -> Result<(), StateError> {
    // The nearest parent that exists: a run creates the folders below it.
    let or_here = |path| if path == Path::new("") { Path::new(".") } else { path };
    let there = folder.ancestors().map(or_here).find_map(|path| match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        found => Some((path, found)),
    });
    let Some((path, found)) = there else { return Ok(()) };
    let writable = || {
        if !found?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let disk = statfs(path)?;
        if KERNEL_FILE_SYSTEMS.contains(&disk.f_type) {
            return Err(io::Error::other("the kernel allows no files there"));
        }
        access(path, Access::WRITE_OK | Access::EXEC_OK)?;
        let free = free_blocks(disk.f_bfree, disk.f_bavail, geteuid().is_root());
        let full = disk.f_blocks > 0 && free == 0;
        if full { Err(io::Error::from(Errno::NOSPC)) } else { Ok(()) }
    };
    writable().map_err(|reason| StateError::Unusable { path: path.to_owned(), reason })
}

/// Blocks that can be written. Reserved blocks are for root only.
fn free_blocks(all: u64, available: u64, root: bool) -> u64 {
    if root { all } else { available }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_can_use_reserved_blocks() {
        assert_eq!(free_blocks(5_000, 0, false), 0);
        assert_eq!(free_blocks(5_000, 0, true), 5_000);
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
        let holder = |server| state.claim_holder("http://127.0.0.1:8474", server);
        assert_eq!(holder("memcached1").as_deref(), Some(one.as_str()));
        assert_eq!((holder("memcached2"), holder("memcached3")), (None, None), "a dead run, and no claim");
        drop(held);
        assert!(claim("memcached1", &two).is_ok());
    }

    #[test]
    fn only_the_user_can_read_journals_and_claims() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::locate(Some(folder.path())).unwrap();
        let run = RunId::new(1, 1);
        let (journal, claims) = (state.journal(&run), folder.path().join("claims"));
        fs::create_dir_all(journal.parent().unwrap()).unwrap();
        fs::write(&journal, "").unwrap();
        fs::set_permissions(&journal, Permissions::from_mode(0o644)).unwrap();
        drop(state.create(&journal).unwrap());
        let _claim = state.claim("http://127.0.0.1:8474", "memcached1", &run).unwrap();
        let claim = claims.read_dir().unwrap().next().unwrap().unwrap().path();
        for path in [journal, claim] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
        }
    }

    #[test]
    fn an_unusable_folder_is_detected_without_writing_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let unusable = |path: &Path| {
            let found = StateDir::locate(Some(path)).unwrap().check_usable();
            found.err().map(|error| error.to_string())
        };
        for kernel in ["/proc", "/sys"] {
            let said = format!("cannot keep state in {kernel}: the kernel allows no files there");
            assert_eq!(unusable(&Path::new(kernel).join("x")), Some(said));
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
        assert_eq!(state.liveness(&run), Liveness::Unknown);
        let file = state.create(&state.journal(&run)).unwrap();
        lock::hold(&file).unwrap();
        assert_eq!(state.liveness(&run), Liveness::Alive);
        drop(file);
        assert_eq!(state.liveness(&run), Liveness::Dead);
        assert_eq!(state.runs(), [run]);
    }
}
