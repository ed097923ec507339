//! Proves tokens of an `OpenID` Connect issuer.

use std::fmt;
use std::sync::Arc;

use adapter_http::HttpClient;
use async_trait::async_trait;
use metrics::counter;
use serde_json::{Map, Value};
use shared::auth::Principal;
use shared::ports::{Authenticator, Clock, SignInError};
use tracing::debug;

use crate::fault::TokenFault;
use crate::issuer_keys::IssuerKeys;
use crate::key_set::KeySet;
use crate::settings::OidcSettings;
use crate::token::UnprovenToken;
use crate::token_cache::{TokenCache, TokenDigest};

/// Proves tokens of one issuer. Make one a process: it holds the issuer's keys and what was proved.
pub struct OidcAuthenticator {
    settings: OidcSettings,
    keys: IssuerKeys,
    proved: TokenCache,
    clock: Arc<dyn Clock>,
}

impl OidcAuthenticator {
    /// Takes tokens as `settings` say; nothing is called until the first one.
    pub fn new(settings: OidcSettings, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys: IssuerKeys::new(&settings, http, clock.clone()),
            proved: TokenCache::new(settings.n_proofs),
            settings,
            clock,
        }
    }

    /// Reads the issuer's keys unless they are held, so that a fault of the settings shows at start.
    ///
    /// # Errors
    ///
    /// `Rejected` when what stands at the issuer's address is not that issuer, `Unavailable` when it
    /// cannot be reached.
    pub async fn warm_up(&self) -> Result<(), shared::PortError> {
        self.keys.current().await.map(|_| ())
    }

    /// Checks the signature and returns the claims.
    async fn prove(&self, token: &str) -> Result<Map<String, Value>, SignInError> {
        let OidcSettings { max_token_bytes, algorithms, .. } = &self.settings;
        let token = UnprovenToken::parse(token, *max_token_bytes, algorithms).map_err(refuse)?;
        let keys = self.keys.current().await.map_err(SignInError::Unavailable)?;
        match keys.prove(&token) {
            Err(TokenFault::UnknownKey) => self.prove_with_newer(&token, &keys).await?,
            outcome => outcome.map_err(refuse)?,
        }
        token.claims().map_err(refuse)
    }

    /// The issuer may have changed its keys since we read them.
    async fn prove_with_newer(
        &self,
        token: &UnprovenToken<'_>,
        known: &Arc<KeySet>,
    ) -> Result<(), SignInError> {
        let newer = self.keys.after(known).await.map_err(SignInError::Unavailable)?;
        let keys = newer.ok_or(TokenFault::UnknownKey).map_err(refuse)?;
        keys.prove(token).map_err(refuse)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Authenticator for OidcAuthenticator {
    async fn authenticate(&self, token: &str) -> Result<Principal, SignInError> {
        let now = self.clock.now();
        // A token too long to be taken is not worth a hash either.
        let digest = TokenDigest::of(token.get(..=self.settings.max_token_bytes).unwrap_or(token));
        if let Some(principal) = self.proved.get(digest, now) {
            count("remembered");
            return Ok(principal);
        }
        let proof = match self.prove(token).await {
            Ok(claims) => self.settings.claims.read(&claims, self.clock.now()).map_err(refuse),
            Err(error) => Err(error),
        };
        match proof {
            Ok(proof) => {
                count("proved");
                let until = proof.expires_at.min(now.plus(self.settings.proof_lifetime));
                self.proved.put(digest, proof.principal.clone(), until);
                Ok(proof.principal)
            }
            Err(error) => {
                let is_refused = matches!(error, SignInError::Refused { .. });
                count(if is_refused { "refused" } else { "unavailable" });
                debug!(platform = "oidc", error = %shared::error::chain(&error), "refused a token");
                Err(error)
            }
        }
    }
}

impl fmt::Debug for OidcAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcAuthenticator")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
pub(crate) fn refuse(fault: TokenFault) -> SignInError {
    SignInError::Refused { reason: fault.to_string() }
}

fn count(outcome: &'static str) {
    counter!("sign_ins_total", "outcome" => outcome).increment(1);
}
