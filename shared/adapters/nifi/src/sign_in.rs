//! What each call is signed with.

use std::sync::Arc;

use adapter_http::oauth::{AccessToken, Grant, TokenCache, TokenSource, lifetime_of_jwt};
use adapter_http::{HttpClient, Request};
use async_trait::async_trait;
use http::HeaderValue;
use http::header::ACCEPT;
use shared::ports::{Clock, SecretAddress, Secrets};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use crate::PLATFORM;
use crate::client::address;
use crate::fault::{error_of, told};
use crate::settings::NifiAuth;

/// The longest answer that is taken for a token.
const MAX_TOKEN_BYTES: usize = 64 * 1024;

/// Signs calls to one node.
pub(crate) struct SignIn {
    secrets: Arc<dyn Secrets>,
    means: Means,
}

enum Means {
    Tokens(TokenCache),
    Bearer(SecretAddress),
}

/// What a call was signed with.
pub(crate) enum Signed {
    Token(Arc<AccessToken>),
    Secret(Secret),
}

impl SignIn {
    pub(crate) fn new(
        auth: &NifiAuth,
        base_url: &Url,
        http: &HttpClient,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let means = match auth.clone() {
            NifiAuth::Token { token } => Means::Bearer(token),
            NifiAuth::Password { username, password } => {
                let subject = base_url.host_str().unwrap_or_default().to_owned();
                let source = PasswordSource {
                    base_url: base_url.clone(),
                    username,
                    password,
                    http: http.clone(),
                    secrets: secrets.clone(),
                    clock: clock.clone(),
                };
                Means::Tokens(TokenCache::new(PLATFORM, subject, Arc::new(source), clock))
            }
        };
        Self { secrets, means }
    }

    /// Signs `request`.
    pub(crate) async fn sign(&self, request: Request) -> Result<(Request, Signed), PortError> {
        match &self.means {
            Means::Tokens(tokens) => {
                let token = tokens.token().await?;
                Ok((request.with_bearer(token.secret())?, Signed::Token(token)))
            }
            Means::Bearer(address) => {
                let secret = self.secrets.read(address).await?;
                Ok((request.with_bearer(&secret)?, Signed::Secret(secret)))
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
            (Means::Bearer(address), Signed::Secret(old)) => {
                let secret = self.secrets.read_again(address).await?;
                if secret.expose() == old.expose() {
                    return Ok(None);
                }
                request.with_bearer(&secret).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Gives name and password for a token.
struct PasswordSource {
    base_url: Url,
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
        let url = address(&self.base_url, "sign in", &["access", "token"])?;
        let asked_at = self.clock.now();
        // A second token beside the first one does no harm.
        let request = Request::post(PLATFORM, "sign in", url)
            .repeatable()
            .with_header(ACCEPT, HeaderValue::from_static("text/plain"))
            .with_form(&[("username", &self.username), ("password", password.expose())])
            .with_max_response_bytes(MAX_TOKEN_BYTES);
        let response = self.http.send(request).await?;
        if !response.status().is_success() {
            // NiFi answers 400 for a wrong name or password.
            return Err(match response.status().as_u16() {
                400 => told(&response, PortErrorKind::Denied),
                _ => error_of(&response),
            });
        }
        let token = std::str::from_utf8(response.body()).unwrap_or_default().trim();
        if token.split('.').count() != 3 {
            return Err(response
                .error(PortErrorKind::Rejected)
                .with_source("the answer is no token: is it NiFi's address?"));
        }
        let lifetime = lifetime_of_jwt(token);
        Ok(Grant::of_token(Secret::new(token), lifetime, asked_at))
    }
}
