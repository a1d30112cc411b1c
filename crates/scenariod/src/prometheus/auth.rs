//! What makes us known to a Prometheus: nothing, a bearer token, or user and password. Never printed, not even by `Debug`.

use std::fmt;
use std::path::Path;

use reqwest::{RequestBuilder, Url};

use super::PromError;

/// The variable that holds a bearer token.
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
    /// The token of a file, else of the environment.
    pub(crate) fn token(file: Option<&Path>, variable: Option<String>) -> Result<Auth, PromError> {
        let text = match file {
            None => variable,
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| PromError::Token {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?),
        };
        let token = text.map(|text| text.trim().to_owned()).filter(|token| !token.is_empty());
        Ok(token.map_or(Auth::None, Auth::Bearer))
    }

    /// The URL without its user and password, which count where there is no token.
    pub(super) fn with_url(self, url: &Url) -> (Url, Auth) {
        let mut plain = url.clone();
        let text = |part: &str| percent_decoded(part);
        let in_url = (!url.username().is_empty())
            .then(|| Auth::Basic { user: text(url.username()), password: url.password().map(text) });
        // Refused only for URLs that can have neither.
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

    pub(super) fn on(&self, request: RequestBuilder) -> RequestBuilder {
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

/// `%40` and the like, as they have to be written in a URL.
fn percent_decoded(text: &str) -> String {
    // `+` is a plus there, a space only in forms.
    let text = text.replace('+', "%2B");
    let Ok(mut form) = Url::parse("http://x/") else { return text };
    form.set_query(Some(&format!("v={text}")));
    form.query_pairs().next().map_or(text, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_leave_the_url() {
        let url = Url::parse("https://me:s%40e+cret@prom.example:9/sub?x=1").unwrap();
        let (plain, auth) = Auth::None.with_url(&url);
        assert_eq!(plain.as_str(), "https://prom.example:9/sub");
        assert_eq!(auth, Auth::Basic { user: "me".into(), password: Some("s@e+cret".into()) });
        assert_eq!(format!("{auth:?}"), "Basic(..)");
        let (_, auth) = Auth::Bearer("t".into()).with_url(&url);
        assert_eq!(auth, Auth::Bearer("t".into()));
    }
}
