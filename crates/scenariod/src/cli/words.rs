//! What is wrong with a command line, in the words of this lab: one line that names the flag, and at most one hint.

use std::error::Error;
use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::UsageError;

/// clap's finding about these arguments, told by us.
pub(super) fn told(error: &clap::Error, args: &[OsString]) -> UsageError {
    let text = |kind: ContextKind| context(error, kind).into_iter().next().unwrap_or_default();
    let flag = flag(&text(ContextKind::InvalidArg));
    let value = text(ContextKind::InvalidValue);
    let (message, hint) = match error.kind() {
        ErrorKind::UnknownArgument => {
            let what = if flag.starts_with('-') { "flag" } else { "word" };
            (format!("unknown {what}: {flag}"), near(&text(ContextKind::SuggestedArg)))
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            (format!("unknown command: {word}"), near(&text(ContextKind::SuggestedSubcommand)))
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            (format!("{flag} is `{value}`: {why}"), None)
        }
        ErrorKind::InvalidValue if value.is_empty() => (format!("{flag} needs a value"), None),
        ErrorKind::InvalidValue => {
            let words = context(error, ContextKind::ValidValue).join(", ");
            let hint = near(&text(ContextKind::SuggestedValue));
            (format!("{flag} is `{value}`, must be one of {words}"), hint)
        }
        ErrorKind::ArgumentConflict => match text(ContextKind::PriorArg) {
            prior if prior.is_empty() || self::flag(&prior) == flag => {
                (format!("{flag} is given twice"), None)
            }
            prior => (format!("{flag} cannot be used with {}", self::flag(&prior)), None),
        },
        ErrorKind::MissingRequiredArgument => (format!("{flag} is missing"), None),
        ErrorKind::InvalidUtf8 => {
            let wrong = args.iter().find(|arg| arg.to_str().is_none());
            let wrong = wrong.map(|arg| arg.to_string_lossy()).unwrap_or_default();
            (format!("not UTF-8: `{wrong}`"), None)
        }
        _ => (first_line(error), None),
    };
    UsageError::Clap { message, hint: hint.or(Some("`scenariod --help` shows the usage".to_owned())) }
}

fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        _ => Vec::new(),
    }
}

/// `--loop` of `--loop [<N>]`, `NAME` of `<NAME>`.
fn flag(text: &str) -> String {
    let word = text.split([' ', '=', '[']).next().unwrap_or_default();
    word.trim_matches(['<', '>']).to_owned()
}

fn near(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| format!("did you mean {}?", flag(word)))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
