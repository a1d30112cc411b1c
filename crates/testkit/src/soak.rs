//! The two test tiers: one property, a small number in every run, a large one when `LAB_SOAK` is set. And what tests have to
//! say: figures, and what they could not test.

use std::fs::OpenOptions;
use std::io::Write;

/// `large` in the soak tier (`LAB_SOAK` is set), else `small`. The property that is tested stays the same.
pub fn scale<T>(small: T, large: T) -> T {
    if std::env::var_os("LAB_SOAK").is_some() { large } else { small }
}

/// Prints what a test measured, whether it passes or not, and appends it as a section of Markdown to the file that
/// `LAB_SOAK_REPORT` names, where set.
///
/// # Panics
/// When that file cannot be written.
pub fn report<L: AsRef<str>>(title: &str, lines: impl IntoIterator<Item = L>) {
    let mut text = format!("## {title}\n\n");
    for line in lines {
        text += &format!("- {}\n", line.as_ref());
    }
    text.push('\n');
    // Not by a macro: what those print is kept from view while a test passes.
    let _ = std::io::stdout().write_all(text.as_bytes());
    append("LAB_SOAK_REPORT", &text);
}

/// Reports that something was not tested, and why, also in the file that `LAB_SKIPPED` names, where set: `just test` ends
/// with it.
///
/// # Panics
/// When that file cannot be written.
pub fn skipped(what: &str, why: &str) {
    report(&format!("Not tested: {what}"), [why]);
    append("LAB_SKIPPED", &format!("not tested: {what}: {why}\n"));
}

fn append(variable: &str, text: &str) {
    let Some(path) = std::env::var_os(variable) else { return };
    // One write: tests report at the same time.
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.unwrap_or_else(|error| panic!("{variable}: cannot write {}: {error}", path.display()));
}
