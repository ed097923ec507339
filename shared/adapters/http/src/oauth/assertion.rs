//! Asks for a token with an assertion that our key signs. Source: RFC 7523.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use shared::ports::SecretAddress;
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};

use super::client::OAuthClient;
use super::exchange::{Exchange, Repeat};
use super::fault::OAuthFault;
use super::grant::{Grant, TokenAnswer};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How far the clocks may differ before an assertion is made again by the server's.
const TOLERATED_SKEW_MS: u64 = 30_000;

/// What an assertion says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Whom it is for: `sub`.
    pub subject: String,
    /// Who it is shown to: `aud`.
    pub audience: String,
    /// Where the RSA private key lies, in PEM.
    pub private_key: SecretAddress,
    /// How far ahead it ends.
    pub lifetime: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
}

impl OAuthClient {
    /// Asks for a token with `assertion`, signed with RS256. When the server refuses it and its
    /// clock differs from ours, or the key was replaced meanwhile, it is made again, once.
    ///
    /// # Errors
    ///
    /// As [`client_credentials`](Self::client_credentials); `Rejected` when the key is not usable.
    pub async fn jwt_bearer(&self, assertion: &Assertion) -> Result<Grant, PortError> {
        let key = self.secrets.read(&assertion.private_key).await?;
        let before = self.server_now();
        let first = self.assert(assertion, &key).await;
        match first {
            Err(error) if error.kind() == PortErrorKind::Denied => {
                let after = self.server_now();
                let moved_ms = after.as_millis().abs_diff(before.as_millis());
                let newer = self.secrets.read_again(&assertion.private_key).await?;
                if moved_ms > TOLERATED_SKEW_MS || newer.expose() != key.expose() {
                    self.assert(assertion, &newer).await
                } else {
                    Err(error)
                }
            }
            outcome => outcome,
        }
    }

    async fn assert(&self, assertion: &Assertion, key: &Secret) -> Result<Grant, PortError> {
        let exchange = self.exchange_of("token", Repeat::Safe);
        let asked_at = self.clock.now();
        let claims = Claims {
            iss: &self.settings.client_id,
            sub: &assertion.subject,
            aud: &assertion.audience,
            exp: self.server_now().plus(assertion.lifetime).as_millis() / 1000,
        };
        let signed = sign(&claims, key).map_err(|error| {
            self.error(PortErrorKind::Rejected, "sign", OAuthFault::UnusableKey(error))
        })?;
        let url = self.settings.endpoints.token.clone();
        let form = [("grant_type", GRANT_TYPE), ("assertion", signed.as_str())];
        let response = exchange.post(url, &form).await?;
        if !response.status().is_success() {
            return Err(Exchange::refusal(&response));
        }
        let answer: TokenAnswer = serde_json::from_slice(response.body())
            .map_err(|_| self.error(PortErrorKind::Unavailable, "token", OAuthFault::NotAToken))?;
        Ok(Grant::new(&answer, asked_at))
    }
}

fn sign(claims: &Claims<'_>, key: &Secret) -> Result<String, jsonwebtoken::errors::Error> {
    let key = EncodingKey::from_rsa_pem(key.expose().as_bytes())?;
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key)
}
