//! What each call is signed with, kept until it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use shared::ports::{Clock, SecretAddress, Secrets};
use shared::secret::Secret;
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind};
use tracing::warn;

use crate::PLATFORM;
use crate::key_pair::{KeyPair, LIFETIME};
use crate::settings::{SnowflakeAuth, SnowflakeSettings};

/// Says what kind of token is sent.
pub(crate) const TOKEN_TYPE: HeaderName =
    HeaderName::from_static("x-snowflake-authorization-token-type");

/// How long before its end a token is replaced.
const MARGIN: Duration = Duration::from_secs(60);

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

/// What takes the place of a token that was refused.
enum Choice {
    /// One that was made meanwhile.
    Kept(Signed),
    /// One of the same secret, as it is kept now.
    Same,
    /// One of the other key.
    OtherKey,
    Nothing,
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
        let (uses_next, skew_millis) = {
            let kept = self.lock();
            if let Some(signed) = kept.token.as_ref().filter(|it| self.holds(it)) {
                return Ok(signed.clone());
            }
            (kept.uses_next, kept.skew_millis)
        };
        let origin = self.secrets.read(self.address(uses_next)).await?;
        let signed = self.sign(origin, uses_next, skew_millis)?;
        self.lock().token = Some(signed.clone());
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
        let same = self.secrets.read_again(self.address(refused.uses_next)).await?;
        let (origin, uses_next) = match self.choose(refused, &same, server_now) {
            Choice::Kept(signed) => return Ok(Some(signed)),
            Choice::Nothing => return Ok(None),
            Choice::Same => (same, refused.uses_next),
            Choice::OtherKey => {
                let uses_next = !refused.uses_next;
                (self.secrets.read_again(self.address(uses_next)).await?, uses_next)
            }
        };
        let skew_millis = self.lock().skew_millis;
        let signed = self.sign(origin, uses_next, skew_millis)?;
        let mut kept = self.lock();
        kept.uses_next = uses_next;
        kept.token = Some(signed.clone());
        Ok(Some(signed))
    }

    /// Decides what takes the place of a token that was refused.
    fn choose(&self, refused: &Signed, same: &Secret, server_now: Option<Timestamp>) -> Choice {
        let mut kept = self.lock();
        if let Some(newer) = &kept.token
            && newer.token.expose() != refused.token.expose()
        {
            return Choice::Kept(newer.clone());
        }
        let skew_before = kept.skew_millis;
        if let Some(server_now) = server_now {
            let skew = server_now.as_millis().saturating_sub(self.clock.now().as_millis());
            kept.skew_millis = if skew.unsigned_abs() > TOLERATED_SKEW_MILLIS { skew } else { 0 };
        }
        let has_moved = kept.skew_millis.abs_diff(skew_before) > TOLERATED_SKEW_MILLIS;
        let connection = self.connection.as_str();
        let (is_key_pair, has_next) = match &self.auth {
            SnowflakeAuth::KeyPair { next_private_key, .. } => (true, next_private_key.is_some()),
            SnowflakeAuth::Oauth { .. } | SnowflakeAuth::ProgrammaticToken { .. } => (false, false),
        };
        if same.expose() != refused.origin.expose() {
            Choice::Same
        } else if has_moved && is_key_pair {
            let skew = kept.skew_millis;
            warn!(connection, "clock of `{connection}` is {skew} ms ahead of ours and is used");
            Choice::Same
        } else if has_next {
            warn!(connection, "key of `{connection}` was refused, the other one is tried");
            Choice::OtherKey
        } else if is_key_pair {
            // Made anew once: the refused one may have ended on its way.
            Choice::Same
        } else {
            Choice::Nothing
        }
    }

    /// Forgets a token that was refused for good, so that the next call reads its secret anew.
    pub(crate) fn forget(&self) {
        self.lock().token = None;
    }

    /// Tells whether a token need not be made anew. One that something else keeps fresh is read each
    /// time: its place has the cache.
    fn holds(&self, signed: &Signed) -> bool {
        signed.ends_at.is_some_and(|at| at.since(self.clock.now()) > MARGIN)
    }

    /// It is never held across a call.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
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
