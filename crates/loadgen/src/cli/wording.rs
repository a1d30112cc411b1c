//! The parser's messages in the words of this lab: one line, the variable named where it was one, and at most one hint.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};

use super::{Cli, UsageError};

pub(super) fn usage(error: &clap::Error, args: &[OsString]) -> UsageError {
    match negative(error, args) {
        Some(message) => UsageError { message, hint: None },
        None => plain(&named(error, args)),
    }
}

/// A value that begins with a minus is taken for a flag: `-1` is meant to be one number, and none here may be negative.
fn negative(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(unknown)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_number = |arg: &str| arg.strip_prefix('-')?.chars().next().filter(char::is_ascii_digit);
    is_number(unknown)?;
    let texts: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let at = texts.iter().position(|arg| arg.starts_with(unknown.as_str()))?;
    let flag = texts.get(at.checked_sub(1)?).filter(|flag| flag.starts_with("--"))?;
    Some(format!("invalid value '{}' for '{flag}': must not be negative", texts[at]))
}

/// clap's message; a wrong value that came from a variable is said to be the variable's and not the flag's.
fn named(error: &clap::Error, args: &[OsString]) -> String {
    let text = error.to_string();
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return text };
    let long = flag.split([' ', '=']).next().unwrap_or_default();
    let given = |arg: &OsString| arg.to_string_lossy().split('=').next() == Some(long);
    let command = Cli::command();
    let variable = command
        .get_arguments()
        .find(|arg| arg.get_long().is_some_and(|name| long.strip_prefix("--") == Some(name)))
        .and_then(|arg| arg.get_env());
    match variable {
        Some(variable) if !args.iter().any(given) => text.replace(flag, &variable.to_string_lossy()),
        _ => text,
    }
}

fn plain(text: &str) -> UsageError {
    let mut message = Vec::new();
    let mut hint = None;
    for line in text.lines().map(str::trim) {
        if let Some(tip) = line.strip_prefix("tip:") {
            hint.get_or_insert_with(|| tip.trim().to_owned());
        } else if line.starts_with("Usage:") {
            break;
        } else if !line.is_empty() && !line.starts_with("For more information") {
            message.push(line.strip_prefix("error:").unwrap_or(line).trim());
        }
    }
    UsageError { message: number(&message.join(" ")), hint }
}

/// What the standard library says of a number that is none.
fn number(message: &str) -> String {
    message
        .replace("invalid digit found in string", "must be a whole number")
        .replace("cannot parse integer from empty string", "must be a whole number")
        .replace("number too large to fit in target type", "too large a number")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use crate::cli;

    fn said(line: &str) -> String {
        let args = std::iter::once("loadgen").chain(line.split(' ')).map(OsString::from);
        cli::parse(args).unwrap_err().to_string()
    }

    #[test]
    fn values_that_are_no_values_are_told_in_words() {
        assert_eq!(said("--rate -1"), "invalid value '-1' for '--rate': must not be negative");
        assert_eq!(said("--op-timeout -1s"), "invalid value '-1s' for '--op-timeout': must not be negative");
        assert_eq!(said("--rate 1k"), "invalid value '1k' for '--rate <N>': must be a whole number");
        assert_eq!(
            said("--seed 99999999999999999999"),
            "invalid value '99999999999999999999' for '--seed <N>': too large a number"
        );
        assert_eq!(
            said("--metrics-addr h:99999"),
            "invalid value 'h:99999' for '--metrics-addr <ADDR>': not an address, ports end at 65535"
        );
        assert_eq!(
            said("--breaker-failure-ratio 1e-300"),
            "invalid value '1e-300' for '--breaker-failure-ratio <SHARE>': must be a number above 0 and at most 1"
        );
        assert_eq!(said("-7"), "unexpected argument '-7' found");
    }
}
