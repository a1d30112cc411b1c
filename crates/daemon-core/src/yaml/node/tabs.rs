//! Replaces the tabs that YAML allows between a key and its value. The parser refuses them before a letter or a dash. What the
//! text means is not known here.

use std::borrow::Cow;

use saphyr_parser::Parser;

/// The parser's words for such a tab. A test fails when they change.
const REFUSAL: &str = "':' must be followed by a valid YAML whitespace";
/// Bytes to parse again at most, so that a hostile file costs no more than a large one.
const MOST_REPEATED: usize = 1 << 24;

/// The text with blanks in the places where the parser refuses a tab. A tab inside a text is not such a place.
pub(super) fn replace(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    let mut repeated = 0;
    while text.contains('\t') && repeated < MOST_REPEATED {
        let Some(blank) = first_refused(&text).and_then(|index| with_blanks(&text, index)) else { break };
        repeated += blank.len();
        text = Cow::Owned(blank);
    }
    text
}

/// The number of the character before which the parser refuses a tab.
fn first_refused(text: &str) -> Option<usize> {
    let error = Parser::new_from_str(text).find_map(Result::err)?;
    (error.info() == REFUSAL).then(|| error.marker().index())
}

/// The text with blanks instead of the tabs right before this character. `None` if there is none.
fn with_blanks(text: &str, index: usize) -> Option<String> {
    let at = text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let (before, after) = text.split_at(at);
    let kept = before.trim_end_matches([' ', '\t']);
    let blanks = " ".repeat(before.len() - kept.len());
    before[kept.len()..].contains('\t').then(|| format!("{kept}{blanks}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tabs_between_a_key_and_its_value_are_blanks_and_others_stay() {
        let text = "a:\tb\nc: \t -1\nd:\t\t\"e:\tf\"\nü:\tx\ng: |\n  h:\ti\n";
        assert_eq!(replace(text), "a: b\nc: \t -1\nd:\t\t\"e:\tf\"\nü: x\ng: |\n  h:\ti\n");
    }

    #[test]
    fn a_file_full_of_tabs_ends() {
        let hostile = "a:\tb\n".repeat(20_000);
        assert!(first_refused(&replace(&hostile)).is_some());
    }
}
