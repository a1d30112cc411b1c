//! No circle of files in any crate of the workspace.

use std::path::Path;

use repo_check::imports::{Sources, circles};

#[test]
fn no_crate_has_a_circle_of_files() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = String::new();
    for entry in crates.read_dir().unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let sources = Sources::read(&entry.path().join("src")).unwrap();
        for circle in circles(&name.replace('-', "_"), &sources).unwrap() {
            found += &format!("crates/{name}/src: {circle}");
        }
    }
    assert!(found.is_empty(), "\n{found}");
}
