//! The two sizes of a test, small in every run and large when `LAB_SOAK` is set; and what tests report: measurements, and
//! what they could not test.

use std::fs::OpenOptions;
use std::io::Write;

/// `large` when `LAB_SOAK` is set, else `small`. Both sizes test the same property.
pub fn scale<T>(small: T, large: T) -> T {
    if std::env::var_os("LAB_SOAK").is_some() { large } else { small }
}

/// Prints what a test measured, also when the test passes, and appends it as a Markdown section to the file
/// `$LAB_SOAK_REPORT`, if set.
///
/// # Panics
/// When that file cannot be written.
pub fn report<L: AsRef<str>>(title: &str, lines: impl IntoIterator<Item = L>) {
    let mut text = format!("## {title}\n\n");
    for line in lines {
        text += &format!("- {}\n", line.as_ref());
    }
    text.push('\n');
    // No `println!`: libtest hides its output when a test passes.
    let _ = std::io::stdout().write_all(text.as_bytes());
    append("LAB_SOAK_REPORT", &text);
}

/// Reports that something was not tested, and why. Appends it to the file `$LAB_SKIPPED` too, if set: `just test` prints
/// that file at its end.
///
/// # Panics
/// When that file cannot be written.
pub fn skipped(what: &str, why: &str) {
    report(&format!("Not tested: {what}"), [why]);
    append("LAB_SKIPPED", &format!("not tested: {what}: {why}\n"));
}

fn append(variable: &str, text: &str) {
    let Some(path) = std::env::var_os(variable) else { return };
    // One write per report: tests run at the same time.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.unwrap_or_else(|error| panic!("{variable}: cannot write {}: {error}", path.display()));
}
