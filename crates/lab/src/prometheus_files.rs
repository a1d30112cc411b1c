//! Prometheus' files of the native lab: configuration and rules from the checkout, targets from the lab file. A file is replaced
//! only if its content changes, and in one step, so that Prometheus never reads half a file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daemon_core::lab::Addresses;
use daemon_core::values::HostPort;

/// A file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot copy {} into the lab's folder", .path.display())]
pub(crate) struct CopyError {
    path: PathBuf,
    source: io::Error,
}

/// Writes the files below `to`, removes rules that the checkout no longer has, and returns the paths of all files.
pub(crate) fn write(to: &Path, addresses: &Addresses, root: &Path) -> Result<Vec<PathBuf>, CopyError> {
    let from = root.join("prometheus");
    let mut files = Vec::new();
    let config = from.join("prometheus.yml");
    files.push(copy(&config, &to.join("prometheus.yml"))?);
    let rules = from.join("rules");
    for rule in list(&rules)? {
        files.push(copy(&rule, &to.join("rules").join(rule.file_name().unwrap_or_default()))?);
    }
    for (job, address) in targets(addresses) {
        let text = address.map_or_else(|| "[]\n".to_owned(), |address| format!("- targets: ['{address}']\n"));
        let path = to.join("targets").join(job).with_extension("yml");
        replace(&path, text.as_bytes()).map_err(|source| CopyError { path: path.clone(), source })?;
        files.push(path);
    }
    for old in list(&to.join("rules"))?.into_iter().filter(|path| !files.contains(path)) {
        fs::remove_file(&old).map_err(|source| CopyError { path: old, source })?;
    }
    files.sort();
    Ok(files)
}

/// The jobs of prometheus.yml, with the address that Prometheus scrapes in the native lab.
fn targets(addresses: &Addresses) -> [(&'static str, Option<HostPort>); 5] {
    [
        ("loadgen", Some(addresses.loadgen.clone())),
        ("scenariod", Some(addresses.scenariod.clone())),
        ("guard", Some(addresses.guard.clone())),
        ("toxiproxy", Some(addresses.toxiproxy.host_port())),
        // The native lab has no Alertmanager.
        ("alertmanager", None),
    ]
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, CopyError> {
    let failed = |source| CopyError { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn copy(from: &Path, to: &Path) -> Result<PathBuf, CopyError> {
    let copied = fs::read(from).and_then(|text| replace(to, &text));
    copied.map_err(|source| CopyError { path: from.to_owned(), source })?;
    Ok(to.to_owned())
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

#[cfg(test)]
mod tests {
    use daemon_core::lab::Lab;

    use super::*;

    #[test]
    fn targets_are_those_of_the_lab_file_and_an_old_rule_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, to) = (folder.path().join("root"), folder.path().join("to"));
        fs::create_dir_all(root.join("prometheus/rules")).unwrap();
        fs::write(root.join("prometheus/prometheus.yml"), "config").unwrap();
        fs::write(root.join("prometheus/rules/alerts.yml"), "rules").unwrap();
        fs::create_dir_all(to.join("rules")).unwrap();
        fs::write(to.join("rules/old.yml"), "old").unwrap();
        let text = "servers:\n  - { name: a, listen: 127.0.0.1:21211, upstream: 127.0.0.1:11211 }\n";
        // Moved by 2, loadgen gets scenariod's default port and scenariod another one.
        let addresses = Lab::parse("lab.yaml", text, 2).unwrap().addresses().unwrap();
        let files = write(&to, &addresses, &root).unwrap();
        let target =
            |job: &str| fs::read_to_string(to.join("targets").join(job).with_extension("yml")).unwrap();
        assert_eq!(target("loadgen"), "- targets: ['127.0.0.1:9092']\n");
        assert_eq!(target("scenariod"), "- targets: ['127.0.0.1:9094']\n");
        assert_eq!(target("guard"), "- targets: ['127.0.0.1:9097']\n");
        assert_eq!(target("toxiproxy"), "- targets: ['127.0.0.1:8476']\n");
        assert_eq!(target("alertmanager"), "[]\n");
        assert_eq!(fs::read_to_string(to.join("rules/alerts.yml")).unwrap(), "rules");
        assert!(!to.join("rules/old.yml").exists());
        assert_eq!(files.len(), 7, "{files:?}");
    }
}
