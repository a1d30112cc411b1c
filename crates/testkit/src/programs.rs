//! Where programs are: third-party programs in the lab's folder or on PATH, our own beside the running program.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")) // the kernel resolves `..`: crates/testkit is no symbolic link
}

/// The path of a third-party program: in `$LAB_BIN`, else in the workspace's `.lab/bin`, else on PATH.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let lab_bin = env::var_os("LAB_BIN").map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = lab_bin.into_iter().chain([workspace().join(".lab/bin")]).chain(env::split_paths(&path));
    first_file(name, folders)
}

/// As [`find_program`], for a test.
///
/// # Panics
/// When there is no such program.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    match find_program(name) {
        Some(program) => program,
        None => {
            panic!(
                "program {name} is neither in $LAB_BIN, nor in .lab/bin, nor on PATH: `just setup` fetches it"
            )
        }
    }
}

/// The path of one of this workspace's binaries, built with the same profile as the running program.
///
/// # Errors
/// The path at which the binary is missing.
pub fn find_workspace_bin(name: &str) -> Result<PathBuf, PathBuf> {
    let running = env::current_exe().expect("path of the running program");
    let folder = running.parent().expect("a program is in a folder");
    // Binaries are in target/<profile>, tests in `deps` and examples in `examples` below it.
    let nested = folder.ends_with("deps") || folder.ends_with("examples");
    let profile = if nested { folder.parent().expect("target/<profile>") } else { folder };
    let bin = profile.join(name);
    if bin.is_file() { Ok(bin) } else { Err(bin) }
}

/// As [`find_workspace_bin`], for a test of another package; a test of the same package has `env!("CARGO_BIN_EXE_<name>")`.
///
/// # Panics
/// When it is not built: `cargo test --workspace` builds it, `cargo test -p <other package>` does not.
#[track_caller]
pub fn workspace_bin(name: &str) -> PathBuf {
    match find_workspace_bin(name) {
        Ok(bin) => bin,
        Err(_) => panic!(
            "binary {name} is not built in this profile: run `cargo build -p {name}` or test the whole workspace"
        ),
    }
}

fn first_file(name: &str, folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
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
        assert_eq!(first_file("tool", folders()), Some(far.path().join("tool")));
        std::fs::write(near.path().join("tool"), "").unwrap();
        assert_eq!(first_file("tool", folders()), Some(near.path().join("tool")));
    }

    #[test]
    #[should_panic(expected = "program no-such-program is neither in $LAB_BIN")]
    fn a_missing_program_is_named() {
        program("no-such-program");
    }

    #[test]
    #[should_panic(expected = "binary no-such-binary is not built")]
    fn a_missing_binary_is_named() {
        workspace_bin("no-such-binary");
    }
}
