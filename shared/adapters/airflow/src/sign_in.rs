//! What each call is signed with.

use std::sync::Arc;

use adapter_http::oauth::{AccessToken, Grant, TokenCache, TokenSource, lifetime_of_jwt};
use adapter_http::{HttpClient, Request};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde_json::json;
use shared::ports::{Clock, SecretAddress, Secrets};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::PLATFORM;
use crate::answer::TokenAnswer;
use crate::client::address;
use crate::fault::error_of;
use crate::settings::{AirflowAuth, AirflowSettings};

/// Signs calls.
pub(crate) struct SignIn {
    connection: String,
    secrets: Arc<dyn Secrets>,
    means: Means,
}

enum Means {
    Tokens(TokenCache),
    Bearer(SecretAddress),
    Basic { username: String, password: SecretAddress },
}

/// What a call was signed with.
pub(crate) enum Signed {
    Token(Arc<AccessToken>),
    Secret(Secret),
}

impl SignIn {
    pub(crate) fn new(
        settings: &AirflowSettings,
        http: &HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let connection = settings.connection.to_string();
        let means = match settings.auth.clone() {
            AirflowAuth::Token { token } => Means::Bearer(token),
            AirflowAuth::Basic { username, password } => Means::Basic { username, password },
            AirflowAuth::Password { username, password } => {
                let source = PasswordSource {
                    base_url: settings.base_url.clone(),
                    connection: connection.clone(),
                    username,
                    password,
                    http: http.clone(),
                    secrets: secrets.clone(),
                    clock: clock.clone(),
                };
                Means::Tokens(TokenCache::new(
                    PLATFORM,
                    connection.as_str(),
                    Arc::new(source),
                    clock,
                ))
            }
        };
        Self { connection, secrets, means }
    }

    /// Signs `request`.
    pub(crate) async fn sign(&self, request: Request) -> Result<(Request, Signed), PortError> {
        match &self.means {
            Means::Tokens(tokens) => {
                let token = tokens.token().await?;
                Ok((request.with_bearer(token.secret())?, Signed::Token(token)))
            }
            Means::Bearer(address) | Means::Basic { password: address, .. } => {
                let secret = self.secrets.read(address).await?;
                Ok((self.with_secret(request, &secret)?, Signed::Secret(secret)))
            }
        }
    }

    /// Signs `request` with something else than what was `refused`; `None` when there is nothing.
    pub(crate) async fn sign_anew(
        &self,
        request: Request,
        refused: &Signed,
    ) -> Result<Option<Request>, PortError> {
        match (&self.means, refused) {
            (Means::Tokens(tokens), Signed::Token(token)) => {
                tokens.refuse(token);
                let token = tokens.token().await?;
                request.with_bearer(token.secret()).map(Some)
            }
            (
                Means::Bearer(address) | Means::Basic { password: address, .. },
                Signed::Secret(old),
            ) => {
                let secret = self.secrets.read_again(address).await?;
                if secret.expose() == old.expose() {
                    return Ok(None);
                }
                self.with_secret(request, &secret).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn with_secret(&self, request: Request, secret: &Secret) -> Result<Request, PortError> {
        let Means::Basic { username, .. } = &self.means else {
            return request.with_bearer(secret);
        };
        let pair = STANDARD.encode(format!("{username}:{}", secret.expose()));
        let mut value = HeaderValue::try_from(format!("Basic {pair}")).map_err(|_| {
            PortError::new(PortErrorKind::Denied, PLATFORM, "sign in", self.connection.as_str())
        })?;
        value.set_sensitive(true);
        Ok(request.with_header(AUTHORIZATION, value))
    }
}

/// Gives name and password for a token.
struct PasswordSource {
    base_url: Url,
    connection: String,
    username: String,
    password: SecretAddress,
    http: HttpClient,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenSource for PasswordSource {
    async fn ask(&self) -> Result<Grant, PortError> {
        // As it is kept now: it may have been changed together with what ended the last token.
        let password = self.secrets.read_again(&self.password).await?;
        let url = address(&self.base_url, "sign in", &self.connection, &["auth", "token"])?;
        let body = json!({"username": self.username, "password": password.expose()});
        let asked_at = self.clock.now();
        // A second token beside the first one does no harm.
        let request = Request::post(PLATFORM, "sign in", url)
            .repeatable()
            .with_subject(self.connection.as_str())
            .with_json(&body)?;
        let response = self.http.send(request).await?;
        if !response.status().is_success() {
            return Err(error_of(&response));
        }
        let TokenAnswer { access_token } = response.json()?;
        let lifetime = lifetime_of_jwt(&access_token);
        Ok(Grant::of_token(Secret::new(access_token), lifetime, asked_at))
    }
}
