//! Credentials for a Prometheus: none, a bearer token, or user and password. Never printed, not even by `Debug`.

use std::fmt;
use std::path::Path;

use reqwest::{RequestBuilder, Url};

use super::PrometheusError;

/// The environment variable with the bearer token.
pub(crate) const TOKEN_VARIABLE: &str = "LAB_PROMETHEUS_TOKEN";

#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Auth {
    #[default]
    None,
    Bearer(String),
    Basic {
        user: String,
        password: Option<String>,
    },
}

impl Auth {
    /// Reads the token from the file, or takes that of the environment variable if there is no file.
    pub(crate) fn from_token(file: Option<&Path>, variable: Option<String>) -> Result<Auth, PrometheusError> {
        let (text, place) = match file {
            None => (variable, TOKEN_VARIABLE.to_owned()),
            Some(path) => {
                let place = path.display().to_string();
                let unreadable = |error: std::io::Error| PrometheusError::Token {
                    path: place.clone(),
                    reason: error.to_string(),
                };
                (Some(std::fs::read_to_string(path).map_err(unreadable)?), place)
            }
        };
        match text.as_deref().map(parse_token).transpose() {
            Ok(token) => Ok(token.flatten().map_or(Auth::None, Auth::Bearer)),
            Err(rule) => Err(PrometheusError::InvalidToken { place, rule }),
        }
    }

    /// Returns the URL to send requests to, without its user and password. They are used if there is no token.
    pub(super) fn with_url(self, url: &Url) -> (Url, Auth) {
        let mut plain = url.clone();
        let text = |part: &str| percent_decoded(part);
        let in_url = (!url.username().is_empty())
            .then(|| Auth::Basic { user: text(url.username()), password: url.password().map(text) });
        // Both fail only for URLs that cannot have credentials.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        plain.set_fragment(None);
        let auth = match (self, in_url) {
            (Auth::None, Some(basic)) => basic,
            (auth, _) => auth,
        };
        (plain, auth)
    }

    pub(super) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Auth::None => request,
            Auth::Bearer(token) => request.bearer_auth(token),
            Auth::Basic { user, password } => request.basic_auth(user, password.as_ref()),
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Auth::None => "None",
            Auth::Bearer(_) => "Bearer(..)",
            Auth::Basic { .. } => "Basic(..)",
        })
    }
}

/// The token of a text, `None` if the text is blank, or the rule that it breaks. The rule never repeats the token.
fn parse_token(text: &str) -> Result<Option<String>, String> {
    // Editors of some systems begin a file with a byte order mark.
    let token = text.strip_prefix('\u{feff}').unwrap_or(text).trim();
    let lines = token.lines().count();
    if lines > 1 {
        return Err(format!("it has {lines} lines, must be one line with the token"));
    }
    if token.contains(|c: char| !c.is_ascii_graphic()) {
        return Err("it has a blank or a character that cannot be sent, must be the token only".to_owned());
    }
    Ok((!token.is_empty()).then(|| token.to_owned()))
}

/// Decodes `%40` and the like.
fn percent_decoded(text: &str) -> String {
    // In user and password `+` means a plus; the form parser used here would read a space.
    let text = text.replace('+', "%2B");
    let Ok(mut form) = Url::parse("http://x/") else { return text };
    form.set_query(Some(&format!("v={text}")));
    form.query_pairs().next().map_or(text, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_line_that_can_be_sent() {
        for text in ["t0k.en-~+/=", "\u{feff}t0k.en-~+/=\r\n", "\n  t0k.en-~+/=\n\n"] {
            assert_eq!(parse_token(text), Ok(Some("t0k.en-~+/=".to_owned())), "{text:?}");
        }
        assert_eq!([parse_token(""), parse_token(" \n")], [Ok(None), Ok(None)]);
        for (text, rule) in [
            ("secret\nsecret", "it has 2 lines"),
            ("secret\r\n\r\n# of staging", "it has 3 lines"),
            ("Bearer secret", "it has a blank"),
            ("secrét", "it has a blank or a character"),
            ("secret\u{0}", "it has a blank or a character"),
        ] {
            let message = parse_token(text).unwrap_err();
            assert!(message.starts_with(rule) && !message.contains("secret"), "{message}");
        }
        let error = Auth::from_token(None, Some("two words".to_owned())).unwrap_err();
        assert!(
            error.to_string().starts_with("invalid token in LAB_PROMETHEUS_TOKEN: it has a blank"),
            "{error}"
        );
    }

    #[test]
    fn user_and_password_are_removed_from_the_url() {
        let url = Url::parse("https://me:s%40e+cret@prom.example:9/sub?x=1").unwrap();
        let (plain, auth) = Auth::None.with_url(&url);
        assert_eq!(plain.as_str(), "https://prom.example:9/sub?x=1");
        assert_eq!(auth, Auth::Basic { user: "me".into(), password: Some("s@e+cret".into()) });
        assert_eq!(format!("{auth:?}"), "Basic(..)");
        let (_, auth) = Auth::Bearer("t".into()).with_url(&url);
        assert_eq!(auth, Auth::Bearer("t".into()));
    }
}
