//! What is wrong with a command line, in the words of the lab: one line that names the flag or the variable, and one hint.
//! What the flags are is each daemon's own.

use std::error::Error;
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Exit, UserError};

/// A command line that the parser refuses.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct UsageError {
    message: String,
    hint: String,
}

impl UserError for UsageError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// The parser's finding about these arguments, program name first, told by us.
pub fn told(error: &clap::Error, command: &Command, args: &[OsString]) -> UsageError {
    let (message, near) = match negative(error, args) {
        Some(message) => (message, None),
        None => found(error, command, args),
    };
    let hint = near.unwrap_or_else(|| format!("`{} --help` shows the usage", command.get_name()));
    UsageError { message, hint }
}

fn found(error: &clap::Error, command: &Command, args: &[OsString]) -> (String, Option<String>) {
    let text = |kind: ContextKind| context(error, kind).into_iter().next().unwrap_or_default();
    let flag = flag(&text(ContextKind::InvalidArg));
    let value = text(ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if named(command, &flag).is_some() => {
            let with = args.iter().skip(1).find_map(|arg| command.find_subcommand(arg.to_str()?));
            let with =
                with.map_or("here".to_owned(), |with| format!("with the command `{}`", with.get_name()));
            (format!("{flag} cannot be used {with}"), None)
        }
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
            (format!("{} is `{value}`: {}", setting(&flag, command, args), plain(&why)), None)
        }
        ErrorKind::InvalidValue if value.is_empty() => (format!("{flag} needs a value"), None),
        ErrorKind::InvalidValue => {
            let words = context(error, ContextKind::ValidValue).join(", ");
            let near = near(&text(ContextKind::SuggestedValue));
            (format!("{} is `{value}`, must be one of {words}", setting(&flag, command, args)), near)
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
    }
}

/// A value that begins with a minus is taken for a flag: `-1` is meant to be one number, and none here may be negative.
fn negative(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let unknown = context(error, ContextKind::InvalidArg).into_iter().next()?;
    unknown.strip_prefix('-')?.chars().next().filter(char::is_ascii_digit)?;
    let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let at = texts.iter().position(|arg| arg.starts_with(unknown.as_str()))?;
    let flag = texts.get(at.checked_sub(1)?).filter(|flag| flag.starts_with("--"))?;
    Some(format!("{flag} is `{}`: must not be negative", texts.get(at)?))
}

/// The flag, or the variable where the value came from there.
fn setting(flag: &str, command: &Command, args: &[OsString]) -> String {
    let given = |arg: &OsString| arg.to_string_lossy().split('=').next() == Some(flag);
    let variable = named(command, flag).and_then(clap::Arg::get_env);
    match variable {
        Some(variable) if !args.iter().any(given) => variable.to_string_lossy().into_owned(),
        _ => flag.to_owned(),
    }
}

/// The argument of the whole command, not of a sub-command, that a flag is.
fn named<'a>(command: &'a Command, flag: &str) -> Option<&'a clap::Arg> {
    let long = flag.strip_prefix("--")?;
    command.get_arguments().find(|arg| arg.get_long() == Some(long))
}

/// What the standard library and the parser say of a number that is none, or out of its range.
fn plain(why: &str) -> String {
    match why {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return "must be a whole number".to_owned();
        }
        "number too large to fit in target type" => return "too large a number".to_owned(),
        _ => {}
    }
    let range = why.split_once(" is not in ").and_then(|(_, range)| range.split_once("..="));
    range.map_or_else(|| why.to_owned(), |(least, most)| format!("must be from {least} to {most}"))
}

fn context(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        Some(ContextValue::StyledStr(text)) => vec![text.to_string()],
        _ => Vec::new(),
    }
}

/// `--loop` of `--loop [<N>]`, `NAME` of `<NAME>`, `PATHS` of `[PATHS]...`.
fn flag(text: &str) -> String {
    let word = text.trim_start_matches(['<', '[']).split([' ', '=', '[', ']', '>']).next();
    word.unwrap_or_default().to_owned()
}

fn near(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| format!("did you mean {}?", flag(word)))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, value_parser};

    use super::*;

    fn said(line: &str) -> String {
        let command = Command::new("prog")
            .arg(Arg::new("rate").long("rate").value_name("N").value_parser(value_parser!(u32).range(1..=9)))
            .arg(Arg::new("seed").long("seed").value_parser(value_parser!(u64)))
            .arg(Arg::new("shape").long("shape").value_parser(["round", "square"]))
            .subcommand(
                Command::new("draw")
                    .arg(Arg::new("FILES").num_args(0..).value_parser(value_parser!(std::path::PathBuf))),
            );
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = command.clone().try_get_matches_from(&args).unwrap_err();
        let told = told(&error, &command, &args);
        format!("{told}; {}", told.hint)
    }

    #[test]
    fn values_that_are_no_values_are_told_in_words() {
        let help = "`prog --help` shows the usage";
        assert_eq!(said("prog --rate -1"), format!("--rate is `-1`: must not be negative; {help}"));
        assert_eq!(said("prog --rate -1s"), format!("--rate is `-1s`: must not be negative; {help}"));
        assert_eq!(said("prog --rate 1k"), format!("--rate is `1k`: must be a whole number; {help}"));
        assert_eq!(said("prog --rate 10"), format!("--rate is `10`: must be from 1 to 9; {help}"));
        assert_eq!(
            said("prog --seed 99999999999999999999"),
            format!("--seed is `99999999999999999999`: too large a number; {help}")
        );
        assert_eq!(said("prog --rate"), format!("--rate needs a value; {help}"));
        assert_eq!(said("prog draw "), format!("FILES needs a value; {help}"));
        assert_eq!(said("prog --rate 1 --rate 2"), format!("--rate is given twice; {help}"));
        assert_eq!(
            said("prog --shape rond"),
            "--shape is `rond`, must be one of round, square; did you mean round?"
        );
    }

    #[test]
    fn words_that_mean_nothing_get_the_nearest_right_one() {
        assert_eq!(said("prog --rat 1"), "unknown flag: --rat; did you mean --rate?");
        assert_eq!(said("prog -7"), "unknown flag: -7; `prog --help` shows the usage");
        assert_eq!(
            said("prog draw --rate 1"),
            "--rate cannot be used with the command `draw`; `prog --help` shows the usage"
        );
        assert_eq!(said("prog draw --rat 1"), "unknown flag: --rat; `prog --help` shows the usage");
        assert_eq!(said("prog x"), "unknown command: x; `prog --help` shows the usage");
    }
}
