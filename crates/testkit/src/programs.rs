//! Where programs are: third-party ones in the lab's folder or on PATH, our own beside the running test.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")) // lexical `..` works: crates/testkit is no link
}

/// The path of a third-party program: in `$LAB_BIN`, else `.lab/bin` of the workspace, else PATH.
///
/// # Panics
/// When it is in none of them: the message says how to get it.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let lab_bin = env::var_os("LAB_BIN").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = lab_bin.into_iter().chain([workspace().join(".lab/bin")]).chain(env::split_paths(&path));
    find(name, folders).unwrap_or_else(|| {
        panic!("program {name} is neither in $LAB_BIN, nor in .lab/bin, nor on PATH: `just setup` fetches it")
    })
}

/// The path of one of this workspace's binaries, from a test of another package; a test of the same package has `env!("CARGO_BIN_EXE_<name>")`.
///
/// # Panics
/// When it is not built: `cargo test --workspace` builds it, `cargo test -p <other package>` does not.
#[track_caller]
pub fn workspace_bin(name: &str) -> PathBuf {
    let test = env::current_exe().expect("path of the running test");
    let profile = test.parent().and_then(Path::parent).expect("tests run in target/<profile>/deps");
    let bin = profile.join(name);
    assert!(
        bin.is_file(),
        "binary {name} is not built in this profile: run `cargo build -p {name}` or test the whole workspace"
    );
    bin
}

fn find(name: &str, folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_folder_wins() {
        let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(far.path().join("tool"), "").unwrap();
        let folders = || [near.path().to_path_buf(), far.path().to_path_buf()].into_iter();
        assert_eq!(find("tool", folders()), Some(far.path().join("tool")));
        std::fs::write(near.path().join("tool"), "").unwrap();
        assert_eq!(find("tool", folders()), Some(near.path().join("tool")));
    }

    #[test]
    #[should_panic(expected = "program no-such-program is neither in $LAB_BIN")]
    fn a_missing_program_is_named() {
        program("no-such-program");
    }
}
