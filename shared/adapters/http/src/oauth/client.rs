//! Asks an authorization server.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
};
use oauth2::{
    AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, RefreshToken, Scope,
    StandardRevocableToken, TokenUrl,
};
use shared::ports::{Clock, Secrets};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use url::Url;

use super::exchange::{Exchange, Repeat};
use super::fault::{OAuthFault, OAuthRefusal};
use super::grant::{Grant, TokenAnswer};
use super::settings::{OAuthSettings, SecretPlace};
use crate::client::HttpClient;

/// The client of crate `oauth2`, which knows the token endpoint only.
pub(crate) type Protocol = oauth2::Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Asks an authorization server as one app. Clones share what was learned of the server's clock.
#[derive(Clone)]
pub struct OAuthClient {
    pub(crate) settings: Arc<OAuthSettings>,
    pub(crate) http: HttpClient,
    pub(crate) secrets: Arc<dyn Secrets>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How far the server's clock is ahead of ours, by its last `Date`.
    pub(crate) skew_ms: Arc<AtomicI64>,
}

impl OAuthClient {
    /// Asks as `settings` say. Nothing is called yet.
    pub fn new(
        settings: OAuthSettings,
        http: HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let skew_ms = Arc::new(AtomicI64::new(0));
        Self { settings: Arc::new(settings), http, secrets, clock, skew_ms }
    }

    /// Returns the app and the server that are asked.
    pub fn settings(&self) -> &OAuthSettings {
        &self.settings
    }

    /// Returns the server's time, as its last answer told; our own before the first.
    pub fn server_now(&self) -> Timestamp {
        let skew_ms = self.skew_ms.load(Ordering::Relaxed);
        Timestamp::from_millis(self.clock.now().as_millis().saturating_add(skew_ms))
    }

    /// Asks for a token of the app's own. Source: RFC 6749, section 4.4.
    ///
    /// # Errors
    ///
    /// `Denied` when the server refuses or the secret is missing, `RateLimited` and `Unavailable`
    /// when it may give one later.
    pub async fn client_credentials(&self, scopes: &[String]) -> Result<Grant, PortError> {
        let secret = self.secret().await?;
        match self.ask_client_credentials(scopes).await {
            Err(error) if error.kind() == PortErrorKind::Denied => {
                if self.is_replaced(secret.as_ref()).await? {
                    self.ask_client_credentials(scopes).await
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        }
    }

    /// Tells whether the app's secret is another one by now, past every copy of this process.
    async fn is_replaced(&self, refused: Option<&Secret>) -> Result<bool, PortError> {
        let (Some(address), Some(refused)) = (&self.settings.client_secret, refused) else {
            return Ok(false);
        };
        Ok(self.secrets.read_again(address).await?.expose() != refused.expose())
    }

    async fn ask_client_credentials(&self, scopes: &[String]) -> Result<Grant, PortError> {
        let exchange = self.exchange_of("token", Repeat::Safe);
        let protocol = self.protocol().await?;
        let asked_at = self.clock.now();
        let answer = protocol
            .exchange_client_credentials()
            .add_scopes(scopes.iter().cloned().map(Scope::new))
            .request_async(&exchange)
            .await
            .map_err(|error| exchange.error(error))?;
        Ok(Grant::new(&answer, asked_at))
    }

    /// Asks for a new access token; a server that rotates gives a new refresh token with it, and
    /// the old one is then used up. Source: RFC 6749, section 6.
    ///
    /// # Errors
    ///
    /// As [`client_credentials`](Self::client_credentials); `Denied` says to connect again when the
    /// permission has ended.
    pub async fn refresh(&self, refresh_token: &Secret) -> Result<Grant, PortError> {
        let exchange = self.exchange_of("refresh", Repeat::Never);
        let protocol = self.protocol().await?;
        let asked_at = self.clock.now();
        let answer = protocol
            .exchange_refresh_token(&RefreshToken::new(refresh_token.expose().to_owned()))
            .request_async(&exchange)
            .await
            .map_err(|error| self.ended(exchange.error(error)))?;
        Ok(Grant::new(&answer, asked_at))
    }

    /// Makes the client of crate `oauth2`, with the app's secret.
    pub(crate) async fn protocol(&self) -> Result<Protocol, PortError> {
        let OAuthSettings { client_id, endpoints, secret_place, .. } = &*self.settings;
        let protocol = oauth2::Client::new(ClientId::new(client_id.clone()))
            .set_token_uri(TokenUrl::from_url(endpoints.token.clone()))
            .set_auth_type(match secret_place {
                SecretPlace::Header => AuthType::BasicAuth,
                SecretPlace::Form => AuthType::RequestBody,
            });
        Ok(match self.secret().await? {
            Some(secret) => {
                protocol.set_client_secret(ClientSecret::new(secret.expose().to_owned()))
            }
            None => protocol,
        })
    }

    /// Reads the app's secret.
    pub(crate) async fn secret(&self) -> Result<Option<Secret>, PortError> {
        match &self.settings.client_secret {
            Some(address) => self.secrets.read(address).await.map(Some),
            None => Ok(None),
        }
    }

    pub(crate) fn exchange_of(&self, operation: &'static str, repeat: Repeat) -> Exchange<'_> {
        Exchange { client: self, operation, repeat }
    }

    pub(crate) fn endpoint(
        &self,
        endpoint: &'static str,
        url: Option<&Url>,
    ) -> Result<Url, PortError> {
        url.cloned().ok_or_else(|| {
            self.error(PortErrorKind::Rejected, endpoint, OAuthFault::NoEndpoint { endpoint })
        })
    }

    pub(crate) fn error(
        &self,
        kind: PortErrorKind,
        operation: &'static str,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> PortError {
        let OAuthSettings { platform, subject, .. } = &*self.settings;
        PortError::new(kind, platform, operation, subject.as_str()).with_source(cause)
    }

    /// Says to connect again where the server says that the refresh token is no longer good.
    fn ended(&self, error: PortError) -> PortError {
        match OAuthRefusal::of(&error) {
            Some(refusal)
                if error.kind() == PortErrorKind::Denied && refusal.code() == "invalid_grant" =>
            {
                let OAuthSettings { platform, subject, .. } = &*self.settings;
                let source = refusal.clone();
                let fault = OAuthFault::Ended { platform, subject: subject.clone(), source };
                self.error(PortErrorKind::Denied, "refresh", fault)
            }
            _ => error,
        }
    }
}

impl fmt::Debug for OAuthClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}
