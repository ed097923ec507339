//! A person agrees in a browser: authorization code with PKCE. Source: RFC 6749, RFC 7636.

use std::fmt;

use oauth2::{
    AuthUrl, AuthorizationCode, CsrfToken, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};
use url::Url;

use super::client::OAuthClient;
use super::exchange::Repeat;
use super::fault::OAuthFault;
use super::grant::Grant;

/// A question to a person, under way. `Debug` shows neither state nor verifier.
pub struct AuthorizationRequest {
    url: Url,
    redirect: Url,
    state: Secret,
    verifier: Secret,
}

impl AuthorizationRequest {
    /// Returns the address that the person opens.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the mark by which our own answer is known.
    pub fn state(&self) -> &Secret {
        &self.state
    }
}

impl fmt::Debug for AuthorizationRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redirect = self.redirect.as_str();
        f.debug_struct("AuthorizationRequest").field("redirect", &redirect).finish_non_exhaustive()
    }
}

impl OAuthClient {
    /// Makes the address where a person agrees, with a challenge (S256) that only this process can
    /// answer. `extra` adds what only this server knows, such as `prompt`.
    ///
    /// # Errors
    ///
    /// `Rejected` when the server has no such address.
    pub async fn begin_authorization(
        &self,
        redirect: Url,
        scopes: &[String],
        extra: &[(&str, &str)],
    ) -> Result<AuthorizationRequest, PortError> {
        let url = self.endpoint("authorize", self.settings.endpoints.authorize.as_ref())?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let protocol = self.protocol().await?.set_auth_uri(AuthUrl::from_url(url));
        let mut question = protocol
            .authorize_url(CsrfToken::new_random)
            .set_pkce_challenge(challenge)
            .set_redirect_uri(std::borrow::Cow::Owned(RedirectUrl::from_url(redirect.clone())))
            .add_scopes(scopes.iter().cloned().map(Scope::new));
        for (name, value) in extra {
            question = question.add_extra_param(*name, *value);
        }
        let (url, state) = question.url();
        let state = Secret::new(state.secret().as_str());
        let verifier = Secret::new(verifier.secret().as_str());
        Ok(AuthorizationRequest { url, redirect, state, verifier })
    }

    /// Exchanges the code that the person's agreement gave.
    ///
    /// # Errors
    ///
    /// `Denied` when the server refuses, else as it answers.
    pub async fn finish_authorization(
        &self,
        request: AuthorizationRequest,
        code: &Secret,
    ) -> Result<Grant, PortError> {
        let exchange = self.exchange_of("code", Repeat::Never);
        let protocol = self.protocol().await?;
        let asked_at = self.clock.now();
        let redirect = RedirectUrl::new(request.redirect.to_string())
            .map_err(|_| self.error(PortErrorKind::Rejected, "code", OAuthFault::Invalid))?;
        let answer = protocol
            .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(request.verifier.expose().to_owned()))
            .set_redirect_uri(std::borrow::Cow::Owned(redirect))
            .request_async(&exchange)
            .await
            .map_err(|error| exchange.error(error))?;
        Ok(Grant::new(&answer, asked_at))
    }
}
