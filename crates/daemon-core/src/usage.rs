//! Errors of a command line, in the lab's wording: one line that names the flag or the variable, and one hint. Which
//! flags there are is each daemon's own.

use std::error::Error;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};

use clap::Command;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::{Exit, UserError};
use crate::secrets::redact_value;

/// A command line that clap refuses.
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

impl UsageError {
    /// What clap found in these arguments, program name first.
    pub fn new(error: &clap::Error, command: &Command, args: &[OsString]) -> UsageError {
        let (message, suggestion) = match negative_number(error, args) {
            Some(message) => (message, None),
            None => describe(error, command, args),
        };
        let hint = suggestion.unwrap_or_else(|| format!("`{} --help` shows the usage", command.get_name()));
        UsageError { message, hint }
    }
}

/// The command without the variables that are set and empty: an empty variable counts as unset.
pub fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        value.is_some_and(|value| value.is_empty())
    };
    let unset = |arg: clap::Arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg };
    command.mut_args(unset).mut_subcommands(without_empty_variables)
}

/// The message, and the hint where clap suggests something.
fn describe(error: &clap::Error, command: &Command, args: &[OsString]) -> (String, Option<String>) {
    let text = |kind: ContextKind| context(error, kind).into_iter().next().unwrap_or_default();
    let suggestion = |kind| did_you_mean(&text(kind));
    let name = bare_name(&text(ContextKind::InvalidArg));
    // An invalid URL may still hold a password.
    let value = redact_value(&text(ContextKind::InvalidValue));
    match error.kind() {
        ErrorKind::UnknownArgument if find_flag(command, &name).is_some() => {
            let used = args.iter().skip(1).find_map(|arg| command.find_subcommand(arg.to_str()?));
            let place =
                used.map_or("here".to_owned(), |used| format!("with the command `{}`", used.get_name()));
            (format!("{name} cannot be used {place}"), None)
        }
        ErrorKind::UnknownArgument => {
            let what = if name.starts_with('-') { "flag" } else { "word" };
            (format!("unknown {what}: {name}"), suggestion(ContextKind::SuggestedArg))
        }
        ErrorKind::InvalidSubcommand => {
            let word = text(ContextKind::InvalidSubcommand);
            (format!("unknown command: {word}"), suggestion(ContextKind::SuggestedSubcommand))
        }
        ErrorKind::ValueValidation => {
            let reason = error.source().map(reason).unwrap_or_default();
            (format!("{} is `{value}`: {reason}", flag_or_variable(&name, command, args)), None)
        }
        ErrorKind::InvalidValue if value.is_empty() => (format!("{name} needs a value"), None),
        ErrorKind::InvalidValue => {
            let words = context(error, ContextKind::ValidValue).join(", ");
            let name = flag_or_variable(&name, command, args);
            (format!("{name} is `{value}`, must be one of {words}"), suggestion(ContextKind::SuggestedValue))
        }
        ErrorKind::ArgumentConflict => match bare_name(&text(ContextKind::PriorArg)) {
            prior if prior.is_empty() || prior == name => (format!("{name} is given twice"), None),
            prior => (format!("{name} cannot be used with {prior}"), None),
        },
        ErrorKind::MissingRequiredArgument => {
            let missing: Vec<String> =
                context(error, ContextKind::InvalidArg).iter().map(|text| bare_name(text)).collect();
            let plural = if missing.len() > 1 { "s" } else { "" };
            (format!("missing argument{plural} {}", missing.join(", ")), None)
        }
        ErrorKind::InvalidUtf8 => {
            let invalid = args.iter().find(|arg| arg.to_str().is_none());
            let invalid = invalid.map(|arg| arg.to_string_lossy()).unwrap_or_default();
            (format!("invalid UTF-8: `{invalid}`"), None)
        }
        _ => (first_line(error), None),
    }
}

/// A value that begins with a minus is taken for a flag: `-1` is meant to be one number, and none here may be negative.
fn negative_number(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let unknown = context(error, ContextKind::InvalidArg).into_iter().next()?;
    unknown.strip_prefix('-')?.chars().next().filter(char::is_ascii_digit)?;
    let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let at = texts.iter().position(|arg| arg.starts_with(unknown.as_str()))?;
    let flag = texts.get(at.checked_sub(1)?).filter(|flag| flag.starts_with("--"))?;
    Some(format!("{flag} is `{}`: must not be negative", texts.get(at)?))
}

/// The flag, or the variable where the value came from there.
fn flag_or_variable(flag: &str, command: &Command, args: &[OsString]) -> String {
    let given = |arg: &OsString| arg.to_string_lossy().split('=').next() == Some(flag);
    let variable = find_flag(command, flag).and_then(clap::Arg::get_env);
    match variable {
        Some(variable) if !args.iter().any(given) => variable.to_string_lossy().into_owned(),
        _ => flag.to_owned(),
    }
}

/// The argument of the whole command, not of a sub-command, with this `--name`.
fn find_flag<'a>(command: &'a Command, flag: &str) -> Option<&'a clap::Arg> {
    let long = flag.strip_prefix("--")?;
    command.get_arguments().find(|arg| arg.get_long() == Some(long))
}

/// Why a value is refused: our own parsers say it in the lab's words, those of numbers do not.
fn reason(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<ParseIntError>().map(ParseIntError::kind) {
        Some(IntErrorKind::PosOverflow) => "number too large".to_owned(),
        Some(_) => "must be a whole number".to_owned(),
        None => {
            let text = error.to_string();
            // clap gives the bounds of a number in no other form. A test fails when this one changes.
            let bounds = text.split_once(" is not in ").and_then(|(_, bounds)| bounds.split_once("..="));
            bounds.map_or(text.clone(), |(min, max)| format!("must be from {min} to {max}"))
        }
    }
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
fn bare_name(text: &str) -> String {
    let word = text.trim_start_matches(['<', '[']).split([' ', '=', '[', ']', '>']).next();
    word.unwrap_or_default().to_owned()
}

fn did_you_mean(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| format!("did you mean {}?", bare_name(word)))
}

/// For the kinds of errors that no command line of the lab can cause.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use clap::{Arg, value_parser};

    use super::*;

    fn message(line: &str) -> String {
        let command = Command::new("prog")
            .arg(Arg::new("rate").long("rate").value_name("N").value_parser(value_parser!(u32).range(1..=9)))
            .arg(Arg::new("seed").long("seed").value_parser(value_parser!(u64)))
            .arg(Arg::new("shape").long("shape").value_parser(["round", "square"]))
            .subcommand(
                Command::new("draw")
                    .arg(Arg::new("FILES").num_args(0..).value_parser(value_parser!(std::path::PathBuf))),
            )
            .subcommand(Command::new("show").args(["FROM", "TO"].map(|name| Arg::new(name).required(true))));
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = command.clone().try_get_matches_from(&args).unwrap_err();
        let error = UsageError::new(&error, &command, &args);
        format!("{error}; {}", error.hint)
    }

    #[test]
    fn invalid_values_are_named_with_their_rule() {
        let help = "`prog --help` shows the usage";
        assert_eq!(message("prog --rate -1"), format!("--rate is `-1`: must not be negative; {help}"));
        assert_eq!(message("prog --rate -1s"), format!("--rate is `-1s`: must not be negative; {help}"));
        assert_eq!(message("prog --rate 1k"), format!("--rate is `1k`: must be a whole number; {help}"));
        assert_eq!(message("prog --rate 10"), format!("--rate is `10`: must be from 1 to 9; {help}"));
        assert_eq!(
            message("prog --seed 99999999999999999999"),
            format!("--seed is `99999999999999999999`: number too large; {help}")
        );
        assert_eq!(message("prog --rate"), format!("--rate needs a value; {help}"));
        assert_eq!(message("prog show"), format!("missing arguments FROM, TO; {help}"));
        assert_eq!(message("prog show a"), format!("missing argument TO; {help}"));
        assert_eq!(message("prog draw "), format!("FILES needs a value; {help}"));
        assert_eq!(message("prog --rate 1 --rate 2"), format!("--rate is given twice; {help}"));
        assert_eq!(
            message("prog --shape rond"),
            "--shape is `rond`, must be one of round, square; did you mean round?"
        );
    }

    #[test]
    fn unknown_words_get_the_nearest_known_one() {
        assert_eq!(message("prog --rat 1"), "unknown flag: --rat; did you mean --rate?");
        assert_eq!(message("prog -7"), "unknown flag: -7; `prog --help` shows the usage");
        assert_eq!(
            message("prog draw --rate 1"),
            "--rate cannot be used with the command `draw`; `prog --help` shows the usage"
        );
        assert_eq!(message("prog draw --rat 1"), "unknown flag: --rat; `prog --help` shows the usage");
        assert_eq!(message("prog x"), "unknown command: x; `prog --help` shows the usage");
    }
}
