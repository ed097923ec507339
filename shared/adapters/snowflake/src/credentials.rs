//! What each call is signed with, kept until it ends.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use shared::ports::{Clock, SecretAddress, Secrets};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tokio::sync::Mutex;
use tracing::warn;

use crate::PLATFORM;
use crate::key_pair::{KeyPair, LIFETIME};
use crate::settings::{SnowflakeAuth, SnowflakeSettings};

/// Says what kind of token is sent.
pub(crate) const TOKEN_TYPE: HeaderName =
    HeaderName::from_static("x-snowflake-authorization-token-type");

/// How long before its end a token is replaced.
const MARGIN_MILLIS: u64 = 60_000;

/// How far the clocks may differ before tokens are made by Snowflake's.
const TOLERATED_SKEW_MILLIS: u64 = 30_000;

/// Signs calls. What was signed once is sent until shortly before it ends.
pub(crate) struct Credentials {
    connection: String,
    account: String,
    auth: SnowflakeAuth,
    secrets: Arc<dyn Secrets>,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    token: Option<Signed>,
    /// How far Snowflake's clock is ahead, in milliseconds.
    skew_millis: i64,
    uses_next: bool,
}

/// A token and what it was made of.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) token: Secret,
    /// The secret behind it, to tell whether it was replaced.
    origin: Secret,
    uses_next: bool,
    ends_at: Option<Timestamp>,
}

impl Credentials {
    pub(crate) fn new(
        settings: &SnowflakeSettings,
        secrets: Arc<dyn Secrets>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            connection: settings.connection.to_string(),
            account: settings.account.clone(),
            auth: settings.auth.clone(),
            secrets,
            clock,
            kept: Mutex::default(),
        }
    }

    pub(crate) fn token_type(&self) -> HeaderValue {
        HeaderValue::from_static(match self.auth {
            SnowflakeAuth::KeyPair { .. } => "KEYPAIR_JWT",
            SnowflakeAuth::Oauth { .. } => "OAUTH",
            SnowflakeAuth::ProgrammaticToken { .. } => "PROGRAMMATIC_ACCESS_TOKEN",
        })
    }

    /// Returns the token to send.
    pub(crate) async fn token(&self) -> Result<Signed, PortError> {
        let mut kept = self.kept.lock().await;
        let now = self.clock.now();
        let holds = |it: &&Signed| {
            it.ends_at.is_none_or(|at| at.since(now).as_millis() > u128::from(MARGIN_MILLIS))
        };
        // A token that somebody else keeps fresh is read anew each time: its place has the cache.
        if let Some(signed) = kept.token.as_ref().filter(holds).filter(|it| it.ends_at.is_some()) {
            return Ok(signed.clone());
        }
        let uses_next = kept.uses_next;
        let origin = self.secrets.read(self.address(uses_next)).await?;
        let signed = self.sign(origin, uses_next, kept.skew_millis)?;
        kept.token = Some(signed.clone());
        Ok(signed)
    }

    /// Returns another token than `refused`, to be tried once; `None` when there is none.
    ///
    /// `server_now` is the time at Snowflake, as the refusal told it.
    pub(crate) async fn another(
        &self,
        refused: &Signed,
        server_now: Option<Timestamp>,
    ) -> Result<Option<Signed>, PortError> {
        let mut kept = self.kept.lock().await;
        if let Some(newer) = &kept.token
            && newer.token.expose() != refused.token.expose()
        {
            return Ok(Some(newer.clone()));
        }
        let skew_before = kept.skew_millis;
        if let Some(server_now) = server_now {
            let skew = server_now.as_millis().saturating_sub(self.clock.now().as_millis());
            kept.skew_millis = if skew.unsigned_abs() > TOLERATED_SKEW_MILLIS { skew } else { 0 };
        }
        let moved = kept.skew_millis.abs_diff(skew_before) > TOLERATED_SKEW_MILLIS;
        let same = self.secrets.read_again(self.address(refused.uses_next)).await?;
        let has_next =
            matches!(&self.auth, SnowflakeAuth::KeyPair { next_private_key: Some(_), .. });
        let (origin, uses_next) = if same.expose() != refused.origin.expose() {
            (same, refused.uses_next)
        } else if moved && self.is_key_pair() {
            warn!(connection = %self.connection,
                "clock of `{}` and this machine's differ by {} ms, its own is used",
                self.connection, kept.skew_millis);
            (same, refused.uses_next)
        } else if has_next {
            let uses_next = !refused.uses_next;
            warn!(connection = %self.connection,
                "key of `{}` was refused, the other one is tried", self.connection);
            (self.secrets.read_again(self.address(uses_next)).await?, uses_next)
        } else if self.is_key_pair() {
            // Made anew once: the refused one may have ended on its way.
            (same, refused.uses_next)
        } else {
            return Ok(None);
        };
        let signed = self.sign(origin, uses_next, kept.skew_millis)?;
        kept.uses_next = uses_next;
        kept.token = Some(signed.clone());
        Ok(Some(signed))
    }

    /// Forgets a token that was refused for good, so that the next call reads its secret anew.
    pub(crate) async fn forget(&self) {
        self.kept.lock().await.token = None;
    }

    fn is_key_pair(&self) -> bool {
        matches!(self.auth, SnowflakeAuth::KeyPair { .. })
    }

    fn address(&self, uses_next: bool) -> &SecretAddress {
        match &self.auth {
            SnowflakeAuth::KeyPair { next_private_key: Some(next), .. } if uses_next => next,
            SnowflakeAuth::KeyPair { private_key, .. } => private_key,
            SnowflakeAuth::Oauth { token } | SnowflakeAuth::ProgrammaticToken { token } => token,
        }
    }

    fn sign(&self, origin: Secret, uses_next: bool, skew: i64) -> Result<Signed, PortError> {
        let SnowflakeAuth::KeyPair { user, .. } = &self.auth else {
            return Ok(Signed { token: origin.clone(), origin, uses_next, ends_at: None });
        };
        let now = self.clock.now();
        let there = Timestamp::from_millis(now.as_millis().saturating_add(skew));
        let token = KeyPair::from_pem(&origin)
            .and_then(|key| key.token(&self.account, user, there))
            .map_err(|error| {
                let subject = self.connection.as_str();
                PortError::new(PortErrorKind::Rejected, PLATFORM, "sign", subject)
                    .with_source(error)
            })?;
        Ok(Signed { token, origin, uses_next, ends_at: Some(now.plus(LIFETIME)) })
    }
}

#[cfg(test)]
mod tests;
