//! Each row of the fault matrix names tests, and every test that it names is there.

use std::fs;
use std::path::Path;

/// The quoted names in the last cell of a row.
fn tests_of(row: &str) -> Vec<&str> {
    let cell = row.trim().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether `text` defines this function as a test.
fn is_test(text: &str, name: &str) -> bool {
    let definition = format!("fn {name}() {{");
    text.split_once(&definition).is_some_and(|(before, _)| {
        // Without the rest of the line, which may be `async`.
        let before = before.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let attributes: Vec<&str> =
            before.lines().rev().take_while(|line| line.trim_start().starts_with("#[")).collect();
        attributes.iter().any(|line| line.contains("test]") || line.contains("test("))
            && !attributes.iter().any(|line| line.contains("ignore"))
    })
}

#[test]
fn every_row_names_tests_that_are_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = fs::read_to_string(root.join("docs/fault-matrix.md")).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 20, "{rows:?}");
    for row in rows {
        let tests = tests_of(row);
        assert!(!tests.is_empty(), "no test: {row}");
        for test in tests {
            let (file, name) = test.split_once("::").unwrap();
            let path = root.join("crates/scenariod/tests/it").join(file).with_extension("rs");
            let text = fs::read_to_string(&path).unwrap_or_default();
            assert!(is_test(&text, name), "{test} is not a test in {}", path.display());
        }
    }
}

#[test]
fn a_row_without_a_test_and_a_name_without_a_test_are_found() {
    assert_eq!(tests_of("| event | `x` | `a::b`, `c::d` |"), ["a::b", "c::d"]);
    assert!(tests_of("| event | `x` | by hand |").is_empty());
    let text = "#[test]\nfn run() {\n}\n\nfn helper() {\n}\n\n#[test]\n#[ignore]\nfn never() {\n}\n";
    assert!(is_test(text, "run"));
    for name in ["helper", "never", "gone"] {
        assert!(!is_test(text, name), "{name}");
    }
}
