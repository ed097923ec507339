//! Ways to get a token without a person.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::{SecretAddress, SecretWriter, Secrets};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use tokio::sync::Mutex;
use tracing::warn;

use super::assertion::Assertion;
use super::client::OAuthClient;
use super::fault::OAuthFault;
use super::grant::Grant;

/// Gets a token, again and again. A [`TokenCache`](super::TokenCache) asks it, one question at a
/// time.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// Asks for a fresh token; what must outlive this process is written before it returns.
    ///
    /// # Errors
    ///
    /// `Denied` when no further question helps until a person acts, `Unavailable` and
    /// `RateLimited` when a later one may.
    async fn ask(&self) -> Result<Grant, PortError>;
}

/// Gets tokens of the app's own.
#[derive(Debug)]
pub struct ClientCredentialsSource {
    client: OAuthClient,
    scopes: Vec<String>,
}

impl ClientCredentialsSource {
    /// Asks `client` for `scopes`; the server chooses when there is none.
    pub fn new(client: OAuthClient, scopes: Vec<String>) -> Self {
        Self { client, scopes }
    }
}

#[async_trait]
impl TokenSource for ClientCredentialsSource {
    async fn ask(&self) -> Result<Grant, PortError> {
        self.client.client_credentials(&self.scopes).await
    }
}

/// Gets tokens with an assertion that our key signs.
#[derive(Debug)]
pub struct JwtBearerSource {
    client: OAuthClient,
    assertion: Assertion,
}

impl JwtBearerSource {
    /// Asks `client` with `assertion`.
    pub fn new(client: OAuthClient, assertion: Assertion) -> Self {
        Self { client, assertion }
    }
}

#[async_trait]
impl TokenSource for JwtBearerSource {
    async fn ask(&self) -> Result<Grant, PortError> {
        self.client.jwt_bearer(&self.assertion).await
    }
}

/// Gets tokens with the refresh token that a person's agreement gave.
///
/// Where the server gives a new refresh token each time, it is written before the access token is
/// handed out. When it cannot be written, it is kept and written at the next question, which then
/// asks the server nothing: the old one is used up, and showing it again may end the permission.
pub struct RefreshTokenSource {
    client: OAuthClient,
    address: SecretAddress,
    secrets: Arc<dyn Secrets>,
    writer: Option<Arc<dyn SecretWriter>>,
    unwritten: Mutex<Option<Grant>>,
}

impl RefreshTokenSource {
    /// Asks `client` with the refresh token at `address`.
    pub fn new(client: OAuthClient, address: SecretAddress, secrets: Arc<dyn Secrets>) -> Self {
        Self { client, address, secrets, writer: None, unwritten: Mutex::new(None) }
    }

    /// Writes new refresh tokens with `writer`.
    #[must_use]
    pub fn with_writer(mut self, writer: Arc<dyn SecretWriter>) -> Self {
        self.writer = Some(writer);
        self
    }

    /// Refreshes; with the token that another process wrote meanwhile, when ours was used up.
    async fn refresh(&self) -> Result<Grant, PortError> {
        let token = self.secrets.read(&self.address).await?;
        match self.client.refresh(&token).await {
            Err(error) if error.kind() == PortErrorKind::Denied => {
                let newer = self.secrets.read_again(&self.address).await?;
                if newer.expose() == token.expose() {
                    return Err(error);
                }
                warn!(connection = %self.client.settings().subject,
                    "refresh token of `{}` was replaced meanwhile, the new one is used",
                    self.client.settings().subject);
                self.client.refresh(&newer).await
            }
            outcome => outcome,
        }
    }

    async fn write(&self, refresh_token: &Secret) -> Result<(), PortError> {
        match &self.writer {
            Some(writer) => writer.write(&self.address, refresh_token).await,
            None => Err(self.client.error(
                PortErrorKind::Rejected,
                "write refresh token",
                OAuthFault::NowhereToWrite,
            )),
        }
    }
}

#[async_trait]
impl TokenSource for RefreshTokenSource {
    async fn ask(&self) -> Result<Grant, PortError> {
        let mut unwritten = self.unwritten.lock().await;
        let grant = match unwritten.take() {
            Some(grant) => grant,
            None => self.refresh().await?,
        };
        let Some(refresh_token) = grant.refresh_token.clone() else { return Ok(grant) };
        *unwritten = Some(grant.clone());
        self.write(&refresh_token).await.map_err(|error| {
            // Worth another try whatever the reason: the old token is gone.
            self.client.error(PortErrorKind::Unavailable, "write refresh token", error)
        })?;
        *unwritten = None;
        Ok(grant)
    }
}

impl fmt::Debug for RefreshTokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshTokenSource")
            .field("client", &self.client)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
