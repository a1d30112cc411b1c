//! Text that others wrote (files, servers, Toxiproxy, Prometheus), made harmless for a terminal. This is the only place that
//! knows which characters are dangerous. Pure; where the text goes is the caller's.

use std::fmt::Write;

/// Whether a character could control a terminal, or hide or reorder the text around it: C0, DEL, C1, and the invisible
/// format characters of Unicode. The joiners U+200C and U+200D are allowed, because several scripts need them.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Output of several lines: line breaks and tabs stay. The escapes are those of JSON, so that JSON stays valid.
pub fn escape_lines(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) && !matches!(c, '\n' | '\t') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// A part of one line: line breaks are escaped as well.
pub fn escape_line(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_dangerous(c) {
            escaped.extend(c.escape_debug());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// The first dangerous character of a text that may have several lines.
pub fn find_dangerous(text: &str) -> Option<char> {
    text.chars().find(|c| is_dangerous(*c) && !matches!(c, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn terminal_codes_and_direction_changes_are_escaped() {
        assert_eq!(escape_lines("a\u{1b}]0;x\u{7}b\tc\n"), "a\\u001b]0;x\\u0007b\tc\n");
        assert_eq!(escape_lines("\u{9b}2J \u{202e}x\u{2066} \r"), "\\u009b2J \\u202ex\\u2066 \\u000d");
        assert_eq!(escape_lines("tag \u{e0041}"), "tag \\udb40\\udc41");
        assert_eq!(escape_line("a\n\u{1b}[2Jé\u{202e}"), "a\\n\\u{1b}[2Jé\\u{202e}");
    }

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["größer als 1 µs", "日本語", "می‌خواهم", "👩‍💻", "a \\u001b b"] {
            assert_eq!((escape_lines(text).as_str(), escape_line(text).as_str()), (text, text));
            assert_eq!(find_dangerous(text), None, "{text}");
        }
    }

    proptest! {
        /// Escaped text has no dangerous character, and a JSON document keeps its meaning.
        #[test]
        fn escaped_json_has_the_same_meaning(text in any::<String>()) {
            let json = serde_json::to_string(&text).expect("a string");
            let escaped = escape_lines(&json);
            prop_assert_eq!(find_dangerous(&escaped), None);
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).expect("JSON"), text);
        }
    }
}
