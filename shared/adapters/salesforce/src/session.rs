//! The session in use: a token, and the instance it is for.

use std::sync::Arc;

use adapter_http::oauth::{AccessToken, TokenCache};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::crm::PLATFORM;
use crate::grant::{self, Means};
use crate::settings::SalesforceSettings;

/// A session with the org.
pub(crate) struct Session {
    token: Arc<AccessToken>,
    pub(crate) instance_url: Url,
}

impl Session {
    pub(crate) fn token(&self) -> &Secret {
        self.token.secret()
    }

    /// Returns the URL that names organisation and user.
    pub(crate) fn identity(&self) -> Option<&str> {
        self.token.grant().text("id")
    }
}

/// Keeps the session of one connection. Salesforce does not say when a token ends: it is renewed
/// after half an hour. Source: sessions end after the org's time-out, two hours by default.
#[derive(Clone)]
pub(crate) struct SessionKeeper {
    connection: String,
    tokens: TokenCache,
}

/// The token came without the address it is for.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the token endpoint names no usable `instance_url`")]
struct NoInstance;

impl SessionKeeper {
    pub(crate) fn new(settings: &SalesforceSettings, means: &Means) -> Self {
        let connection = settings.connection.as_str();
        let source = grant::source(settings, means);
        let tokens = TokenCache::new(PLATFORM, connection, source, means.clock.clone());
        Self { connection: connection.to_owned(), tokens }
    }

    /// Returns the session, logging in when there is none.
    pub(crate) async fn session(&self) -> Result<Session, PortError> {
        let token = self.tokens.token().await?;
        let instance_url = token.grant().text("instance_url").and_then(|it| Url::parse(it).ok());
        match instance_url.filter(Url::has_host) {
            Some(instance_url) => Ok(Session { token, instance_url }),
            None => {
                let connection = self.connection.as_str();
                Err(PortError::new(PortErrorKind::Denied, PLATFORM, "log in", connection)
                    .with_source(NoInstance))
            }
        }
    }

    /// Takes note that the org ended `session`: of many that find it ended, one leads to a new login.
    pub(crate) fn forget(&self, session: &Session) {
        self.tokens.refuse(&session.token);
    }
}
