//! The commands in a piece of code, word by word. Understands as much of a shell, and of the notation of usage lines, as
//! pages use. Pure.

use super::page::Code;

/// The commands of a span, or of a line of a block. Output and other languages have none.
pub(super) fn commands(code: &Code) -> Vec<Vec<String>> {
    let text = match code {
        Code::Span(text) => text,
        Code::Line { language, text } => match language.as_str() {
            "sh" | "bash" => text,
            "console" => match text.strip_prefix("$ ") {
                Some(text) => text,
                None => return Vec::new(),
            },
            _ => return Vec::new(),
        },
    };
    // What runs inside another command is a command of its own.
    let text = ["<(", "$(", ")"].iter().fold(text.to_owned(), |text, bracket| text.replace(bracket, " ; "));
    let words = shlex::split(&text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect());
    let mut commands = vec![Vec::new()];
    let mut to_file = false;
    for word in words {
        let (word, ends) = match word.strip_suffix(';') {
            Some(word) => (word, true),
            None => (word.as_str(), ["|", "||", "&&", "&"].contains(&word.as_str())),
        };
        // `[--loop [N]]` and `PATHS...` are usage.
        let word = word.replace(['[', ']'], "").trim_end_matches("...").to_owned();
        let redirects = word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>']);
        if ends {
            commands.push(Vec::new());
        }
        if !ends && !redirects && !std::mem::take(&mut to_file) && !word.is_empty() {
            commands.last_mut().into_iter().for_each(|command| command.push(word.clone()));
        }
        to_file = redirects && word.ends_with(['<', '>']);
    }
    commands.iter_mut().for_each(|command| {
        let assignments = command.iter().take_while(|word| is_assignment(word)).count();
        command.drain(..assignments);
    });
    commands.retain(|command| !command.is_empty());
    commands
}

/// `LAB_CLIENT=patient`, as it stands before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit())
    })
}
