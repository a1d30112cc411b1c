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
        let text = match file {
            None => variable,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| PrometheusError::Token {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?),
        };
        let token = text.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty());
        Ok(token.map_or(Auth::None, Auth::Bearer))
    }

    /// Returns the URL without its user and password. They are used if there is no token.
    pub(super) fn with_url(self, url: &Url) -> (Url, Auth) {
        let mut plain = url.clone();
        let text = |part: &str| percent_decoded(part);
        let in_url = (!url.username().is_empty())
            .then(|| Auth::Basic { user: text(url.username()), password: url.password().map(text) });
        // Both fail only for URLs that cannot have credentials.
        let _ = plain.set_username("");
        let _ = plain.set_password(None);
        plain.set_query(None);
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
    fn user_and_password_are_removed_from_the_url() {
        let url = Url::parse("https://me:s%40e+cret@prom.example:9/sub?x=1").unwrap();
        let (plain, auth) = Auth::None.with_url(&url);
        assert_eq!(plain.as_str(), "https://prom.example:9/sub");
        assert_eq!(auth, Auth::Basic { user: "me".into(), password: Some("s@e+cret".into()) });
        assert_eq!(format!("{auth:?}"), "Basic(..)");
        let (_, auth) = Auth::Bearer("t".into()).with_url(&url);
        assert_eq!(auth, Auth::Bearer("t".into()));
    }
}
