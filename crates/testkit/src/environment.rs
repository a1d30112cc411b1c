//! The environment of a child process: what a developer's shell sets must not change what a test sees. The only place that
//! knows which variables those are.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

/// Variables besides `LAB_*` that change what the daemons print or how they connect.
const CLEARED: [&str; 5] = ["RUST_LOG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// A command without any `LAB_*` variable, `RUST_LOG` or proxy setting of the environment. Every command line that a test
/// runs starts here, so that a developer's `LAB_PROMETHEUS` never reaches it.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    clear_environment(&mut command);
    command
}

/// Removes these variables from a command, except those that the command sets itself.
pub(crate) fn clear_environment(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| is_cleared(name)) {
        if !command.get_envs().any(|(set, _)| set == name) {
            command.env_remove(name);
        }
    }
}

fn is_cleared(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("LAB_") || CLEARED.iter().any(|cleared| name.eq_ignore_ascii_case(cleared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lab_variables_and_proxies_are_cleared() {
        for name in
            ["LAB_PROMETHEUS", "LAB_STATE", "LAB_", "RUST_LOG", "http_proxy", "HTTPS_PROXY", "no_proxy"]
        {
            assert!(is_cleared(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "MY_LAB_STATE", "RUST_BACKTRACE", "CARGO_TARGET_DIR"] {
            assert!(!is_cleared(OsStr::new(name)), "{name}");
        }
    }
}
