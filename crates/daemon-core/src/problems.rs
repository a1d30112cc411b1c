//! The problems of a file, all at once, each with its line. How problems are found is not here.

use std::fmt;

use crate::secrets::redact;
use crate::text::escape_line;

/// One problem in one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// The problem, with the key or the value.
    pub message: String,
}

/// A number for a message: a tiny or a huge one in exponent form, without its zeros.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-6..1e9).contains(&size) || !value.is_finite() {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The message may quote the file, and the file may hold a URL with a password.
        let message = escape_line(&redact(&self.message));
        write!(f, "{}:{}: {message}", self.file, self.line)
    }
}

/// The problems of one or more files; never empty in an `Err`.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds problems that were found elsewhere.
    pub fn extend(&mut self, more: Problems) {
        self.0.extend(more.0);
    }

    /// `value` when there is no problem.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted: Vec<&Problem> = self.0.iter().collect();
        sorted.sort();
        for (index, problem) in sorted.into_iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_whatever_the_file_holds() {
        let message = "invalid name `a\n\u{1b}[2Jé`".to_owned();
        let problem = Problem { file: "f.yaml".to_owned(), line: 3, message };
        assert_eq!(problem.to_string(), "f.yaml:3: invalid name `a\\n\\u{1b}[2Jé`");
    }

    #[test]
    fn a_problem_shows_no_password() {
        let message = "`toxiproxy` is `htp://me:secret@h`: not a URL".to_owned();
        let problem = Problem { file: "f.yaml".to_owned(), line: 3, message };
        assert_eq!(problem.to_string(), "f.yaml:3: `toxiproxy` is `htp://***@h`: not a URL");
    }

    #[test]
    fn figures_are_written_without_a_row_of_zeros() {
        let texts = [0.0, 0.1, 1e-6, 1e-300, -2e12, 1e9].map(figure);
        assert_eq!(texts, ["0", "0.1", "0.000001", "1e-300", "-2e12", "1e9"]);
    }
}
