//! What a token endpoint gave.

use std::fmt;
use std::time::Duration;

use oauth2::basic::BasicTokenType;
use oauth2::{ExtraTokenFields, StandardTokenResponse, TokenResponse as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::secret::Secret;
use shared::time::Timestamp;

/// What a token endpoint answers, with the fields that only this server has.
pub(crate) type TokenAnswer = StandardTokenResponse<Extra, BasicTokenType>;

/// The fields that the standard does not know. They may hold an id token: `Debug` shows names.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(crate) struct Extra {
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl ExtraTokenFields for Extra {}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.fields.keys()).finish()
    }
}

/// What a token endpoint gave. `Debug` shows no token.
#[derive(Clone)]
pub struct Grant {
    /// The access token.
    pub access_token: Secret,
    /// The refresh token, when there is a new one.
    pub refresh_token: Option<Secret>,
    /// How long the access token is good from [`asked_at`](Self::asked_at) on, when the server says.
    pub lifetime: Option<Duration>,
    /// What it may be used for, when the server says.
    pub scopes: Vec<String>,
    /// When the token was asked for, by our clock.
    pub asked_at: Timestamp,
    extra: Extra,
}

impl Grant {
    /// Wraps a token that a platform gave by a way of its own, without the rest of a grant.
    pub fn of_token(access_token: Secret, lifetime: Option<Duration>, asked_at: Timestamp) -> Self {
        Self {
            access_token,
            refresh_token: None,
            lifetime,
            scopes: Vec::new(),
            asked_at,
            extra: Extra::default(),
        }
    }

    pub(crate) fn new(answer: &TokenAnswer, asked_at: Timestamp) -> Self {
        Self {
            access_token: Secret::new(answer.access_token().secret().as_str()),
            refresh_token: answer.refresh_token().map(|it| Secret::new(it.secret().as_str())),
            lifetime: answer.expires_in(),
            scopes: answer
                .scopes()
                .map(|all| all.iter().map(|it| it.as_str().to_owned()).collect())
                .unwrap_or_default(),
            asked_at,
            extra: answer.extra_fields().clone(),
        }
    }

    /// Returns a field that only this server gives, such as `instance_url`, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.extra.fields.get(name).and_then(Value::as_str)
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("has_refresh_token", &self.refresh_token.is_some())
            .field("lifetime", &self.lifetime)
            .field("scopes", &self.scopes)
            .field("extra", &self.extra)
            .finish_non_exhaustive()
    }
}
