//! The two test tiers: one property, a small number in every run, a large one when `LAB_SOAK` is set.

use std::fs::OpenOptions;
use std::io::Write;

/// `large` in the soak tier (`LAB_SOAK` is set), else `small`. The property that is tested stays the same.
pub fn scale<T>(small: T, large: T) -> T {
    if std::env::var_os("LAB_SOAK").is_some() { large } else { small }
}

/// Prints what a test measured, and appends it as a section of Markdown to the file that `LAB_SOAK_REPORT` names, where set.
///
/// # Panics
/// When that file cannot be written.
pub fn report<L: AsRef<str>>(title: &str, lines: impl IntoIterator<Item = L>) {
    let mut text = format!("## {title}\n\n");
    for line in lines {
        text += &format!("- {}\n", line.as_ref());
    }
    text.push('\n');
    print!("{text}");
    if let Some(path) = std::env::var_os("LAB_SOAK_REPORT") {
        // One write: tests report at the same time.
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        written.unwrap_or_else(|error| panic!("cannot write the soak report {}: {error}", path.display()));
    }
}
