//! The keys of one issuer: found by discovery, kept for a while, read again when they change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adapter_http::{HttpClient, Request};
use serde::Deserialize;
use serde_json::Value;
use shared::error::chain;
use shared::ports::Clock;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tracing::{info, warn};
use url::Url;

use crate::key_set::KeySet;
use crate::settings::OidcSettings;

/// The longest document taken from an issuer; real ones have a few thousand bytes.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// A person waits for this, so it is short.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const DEADLINE: Duration = Duration::from_secs(7);

/// The shortest time between two readings while no keys are known.
const FIRST_READING_FLOOR: Duration = Duration::from_secs(1);

/// The keys of one issuer.
pub(crate) struct IssuerKeys {
    http: HttpClient,
    issuer: String,
    lifetime: Duration,
    floor: Duration,
    grace: Duration,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Held while the issuer is asked, so that one question serves everybody who waits.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    last_attempt: Option<Timestamp>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    read_at: Timestamp,
}

/// What the issuer says of itself. Source: `OpenID` Connect Discovery 1.0, section 3.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: Url,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

impl IssuerKeys {
    pub(crate) fn new(settings: &OidcSettings, http: HttpClient, clock: Arc<dyn Clock>) -> Self {
        Self {
            http,
            issuer: settings.claims.issuer.clone(),
            lifetime: settings.key_lifetime,
            floor: settings.refetch_floor,
            grace: settings.key_grace,
            clock,
            state: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the keys, read anew when they have been held for long.
    ///
    /// # Errors
    ///
    /// `Unavailable` when there are none that may still be used.
    pub(crate) async fn current(&self) -> Result<Arc<KeySet>, PortError> {
        let held = self.state().held.clone();
        let age = held.as_ref().map(|it| self.clock.now().since(it.read_at));
        match (held, age) {
            (Some(held), Some(age)) if age < self.lifetime => Ok(held.keys),
            (Some(held), Some(age)) if age < self.lifetime.saturating_add(self.grace) => {
                // Whoever comes first asks the issuer; the others go on with what is there.
                let Ok(_reading) = self.reading.try_lock() else { return Ok(held.keys) };
                Ok(self.read(Some(held)).await?.keys)
            }
            _ => {
                let _reading = self.reading.lock().await;
                let fresh = self.state().held.clone().filter(|it| self.is_fresh(it));
                match fresh {
                    Some(held) => Ok(held.keys),
                    None => Ok(self.read(None).await?.keys),
                }
            }
        }
    }

    /// Returns keys read after `known`, for a token whose key is not among them; `None` when the
    /// issuer was asked too recently to be asked again.
    ///
    /// # Errors
    ///
    /// As [`current`](Self::current).
    pub(crate) async fn after(
        &self,
        known: &Arc<KeySet>,
    ) -> Result<Option<Arc<KeySet>>, PortError> {
        let _reading = self.reading.lock().await;
        let held = self.state().held.clone();
        match held {
            Some(held) if !Arc::ptr_eq(&held.keys, known) => Ok(Some(held.keys)),
            held if self.may_ask(self.floor) => Ok(Some(self.read(held).await?.keys)),
            _ => Ok(None),
        }
    }

    /// Asks the issuer; when that fails, goes on with `stale`.
    async fn read(&self, stale: Option<Held>) -> Result<Held, PortError> {
        let floor = if stale.is_some() { self.floor } else { FIRST_READING_FLOOR };
        if !self.may_ask(floor) {
            return stale.ok_or_else(|| self.error(floor));
        }
        self.state().last_attempt = Some(self.clock.now());
        match self.fetch().await {
            Ok(keys) => {
                info!(
                    platform = "oidc",
                    n_rows = keys.len(),
                    "read {} keys of the issuer `{}`",
                    keys.len(),
                    self.issuer
                );
                let held = Held { keys: Arc::new(keys), read_at: self.clock.now() };
                self.state().held = Some(held.clone());
                Ok(held)
            }
            Err(error) => {
                warn!(
                    platform = "oidc",
                    error = %chain(&error),
                    "the keys of the issuer `{}` were not read",
                    self.issuer
                );
                stale.ok_or(error)
            }
        }
    }

    async fn fetch(&self) -> Result<KeySet, PortError> {
        let discovery: Discovery = self.get("discover", self.discovery_url()?).await?;
        if discovery.issuer != self.issuer {
            let cause = "its discovery document names another issuer: set `issuer` exactly as that \
                         document writes it";
            return Err(self.rejected("discover", cause));
        }
        if !is_protected(&discovery.jwks_uri, &self.issuer) {
            let cause = "its discovery document names keys without TLS, where others can be put in \
                         between";
            return Err(self.rejected("discover", cause));
        }
        let published: Published = self.get("read keys", discovery.jwks_uri).await?;
        let keys = KeySet::from_json(published.keys);
        if keys.len() == 0 {
            return Err(self.rejected("read keys", "it publishes no key that can prove a token"));
        }
        Ok(keys)
    }

    /// Source: `OpenID` Connect Discovery 1.0, section 4.1.
    fn discovery_url(&self) -> Result<Url, PortError> {
        let base = self.issuer.trim_end_matches('/');
        Url::parse(&format!("{base}/.well-known/openid-configuration"))
            .map_err(|error| self.rejected("discover", error))
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        operation: &'static str,
        url: Url,
    ) -> Result<T, PortError> {
        let request = Request::get("oidc", operation, url)
            .with_subject(self.issuer.clone())
            .with_attempt_timeout(ATTEMPT_TIMEOUT)
            .with_deadline(DEADLINE)
            .with_max_response_bytes(MAX_DOCUMENT_BYTES);
        self.http.send(request).await?.checked()?.json()
    }

    fn is_fresh(&self, held: &Held) -> bool {
        self.clock.now().since(held.read_at) < self.lifetime
    }

    fn may_ask(&self, floor: Duration) -> bool {
        let now = self.clock.now();
        self.state().last_attempt.is_none_or(|it| now.since(it) >= floor)
    }

    fn rejected(
        &self,
        operation: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> PortError {
        PortError::new(PortErrorKind::Rejected, "oidc", operation, self.issuer.clone())
            .with_source(cause)
    }

    fn error(&self, retry_after: Duration) -> PortError {
        PortError::new(PortErrorKind::Unavailable, "oidc", "read keys", self.issuer.clone())
            .with_source("the issuer was asked just now and did not answer")
            .with_retry_after(retry_after)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells whether the keys come as safely as what `issuer` says of itself: an issuer on loopback has
/// no TLS either.
fn is_protected(keys: &Url, issuer: &str) -> bool {
    keys.scheme() == "https" || issuer.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_an_issuer_with_tls_come_over_tls_too() {
        for (keys, issuer, expected) in [
            ("https://keys.example/jwks", "https://login.example", true),
            ("http://keys.example/jwks", "https://login.example", false),
            ("http://keys.example/jwks", "HTTPS://login.example", false),
            ("http://127.0.0.1:9400/jwks", "http://127.0.0.1:9400", true),
        ] {
            assert_eq!(is_protected(&Url::parse(keys).unwrap(), issuer), expected, "{keys}");
        }
    }
}
