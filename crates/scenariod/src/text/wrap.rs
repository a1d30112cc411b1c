//! Breaks prose into lines that a terminal or a chat shows whole. Pure.

/// Columns of a line.
pub(crate) const COLUMNS: u16 = 100;

/// Breaks a text at blanks. Lines after the first start with `indent`. A word that is too long stays whole.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        let width = line.chars().count() + word.trim_end().chars().count();
        if !line.trim().is_empty() && width > usize::from(COLUMNS) {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = indent.to_owned();
        }
        line.push_str(word);
    }
    lines + &line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_and_hold_what_fits() {
        let (long, fits) = ("x".repeat(101), "y".repeat(97));
        assert_eq!(wrapped("a b", "  "), "a b");
        assert_eq!(wrapped(&format!("ab {fits}"), "  "), format!("ab {fits}"));
        assert_eq!(wrapped(&format!("abc {fits} z"), ""), format!("abc\n{fits} z"));
        assert_eq!(wrapped(&format!("a {fits} z"), "  "), format!("a {fits}\n  z"));
        assert_eq!(wrapped(&format!("  {long} a"), "    "), format!("  {long}\n    a"));
    }
}
