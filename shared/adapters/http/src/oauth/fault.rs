//! Why there is no token.

use std::error::Error as StdError;
use std::fmt;

use serde::Deserialize;
use shared::PortErrorKind;

/// The longest text of a server that is repeated.
const MAX_CHARS: usize = 200;

/// A word of at least this length may be a token, and is not repeated.
const TOKEN_CHARS: usize = 32;

/// What an authorization server gave as its reason. Source: RFC 6749, section 5.2.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub struct OAuthRefusal {
    code: String,
    description: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    error: String,
    #[serde(default)]
    error_description: Option<String>,
}

impl OAuthRefusal {
    /// Keeps the words of the server, without what may be a token.
    pub fn new(code: &str, description: Option<&str>) -> Self {
        let description = description.map(without_tokens).filter(|it| !it.is_empty());
        Self { code: without_tokens(code), description }
    }

    /// Reads an error body, JSON or a form.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        if let Ok(answer) = serde_json::from_slice::<Answer>(body) {
            return Some(Self::new(&answer.error, answer.error_description.as_deref()));
        }
        let find = |name| {
            url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value)
        };
        find("error").map(|code| Self::new(&code, find("error_description").as_deref()))
    }

    /// Finds the refusal among the causes of `error`.
    pub fn of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(refusal) = cause.downcast_ref::<Self>() {
                return Some(refusal);
            }
            next = cause.source();
        }
        None
    }

    /// Returns the code, such as `invalid_grant`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns what the server adds to the code.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns what the refusal means: the code of a server that is busy is not a refusal.
    pub fn kind(&self) -> PortErrorKind {
        match self.code.as_str() {
            "temporarily_unavailable" | "server_error" => PortErrorKind::Unavailable,
            "slow_down" => PortErrorKind::RateLimited,
            // Salesforce says `invalid_grant` to too many logins.
            _ if self.says("rate exceeded") => PortErrorKind::RateLimited,
            _ => PortErrorKind::Denied,
        }
    }

    fn says(&self, text: &str) -> bool {
        self.description.as_deref().is_some_and(|it| it.contains(text))
    }
}

impl fmt::Display for OAuthRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the authorization server says `{}`", self.code)?;
        match &self.description {
            Some(description) => write!(f, ": {description}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for OAuthRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OAuthRefusal({self})")
    }
}

/// Shortens `text` and leaves out words that may be tokens.
fn without_tokens(text: &str) -> String {
    let word = |it: &str| {
        if it.chars().count() < TOKEN_CHARS { it.to_owned() } else { "(hidden)".to_owned() }
    };
    let text = text.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.chars().filter(|it| !it.is_control()).take(MAX_CHARS).collect()
}

/// The cause under the error of a token that was not got.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthFault {
    /// The permission that a person once gave has ended.
    #[error("the permission has ended: run `moodbridge connect {platform} --name {subject}` again")]
    Ended {
        /// The platform.
        platform: &'static str,
        /// The connection.
        subject: String,
        /// What the server says.
        source: OAuthRefusal,
    },
    /// The answer is not one of a token endpoint.
    #[error("the answer of the token endpoint is not a token: check the login address")]
    NotAToken,
    /// The server has no such endpoint.
    #[error("no address is set for `{endpoint}`")]
    NoEndpoint {
        /// Which endpoint.
        endpoint: &'static str,
    },
    /// The device code was not used in time.
    #[error("nobody agreed in time: start again")]
    Expired,
    /// The private key cannot sign.
    #[error("the private key is not an RSA key in PEM")]
    UnusableKey(#[source] jsonwebtoken::errors::Error),
    /// A request could not be built.
    #[error("the request is not valid")]
    Invalid,
    /// The refresh token came without a place to keep the next one.
    #[error("the server gave a new refresh token, and there is no place to write it")]
    NowhereToWrite,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_may_be_tokens_are_not_repeated() {
        let token = "5Aep861TSESvWeug_xvFHRBTTbf_YrTWgEyjBJrXICJkhY";
        let body = format!(r#"{{"error":"invalid_grant","error_description":"no token {token}"}}"#);
        let refusal = OAuthRefusal::parse(body.as_bytes()).unwrap();
        assert_eq!(
            refusal.to_string(),
            "the authorization server says `invalid_grant`: no token (hidden)"
        );
        assert!(!format!("{refusal:?}").contains(token));
    }

    #[test]
    fn refusal_is_read_from_a_form_too() {
        let body = b"error=unsupported_token_type&error_description=this+token+type+is+unknown";
        let refusal = OAuthRefusal::parse(body).unwrap();
        assert_eq!(refusal.code(), "unsupported_token_type");
        assert_eq!(refusal.description(), Some("this token type is unknown"));
        assert_eq!(OAuthRefusal::parse(b"<html>maintenance</html>"), None);
    }

    #[test]
    fn too_many_logins_are_not_a_refusal() {
        let refusal = OAuthRefusal::new("invalid_grant", Some("login rate exceeded"));
        assert_eq!(refusal.kind(), PortErrorKind::RateLimited);
        assert_eq!(OAuthRefusal::new("invalid_grant", None).kind(), PortErrorKind::Denied);
    }
}
