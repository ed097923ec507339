//! Tokens that were given out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::ids::RecordId;

/// Whom a token stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    /// The user.
    pub(crate) user: RecordId,
    /// When it was issued, in milliseconds.
    pub(crate) issued_ms: i64,
    /// The person's agreement that it goes back to.
    pub(crate) grant: Option<u64>,
}

/// All tokens that were given out.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Session>>);

impl Sessions {
    /// Gives out a token.
    pub(crate) fn open(&self, org: RecordId, user: RecordId, now_ms: i64) -> String {
        self.open_by(None, org, user, now_ms)
    }

    /// Gives out a token that ends with the person's agreement, when there is one.
    pub(crate) fn open_by(
        &self,
        grant: Option<u64>,
        org: RecordId,
        user: RecordId,
        now_ms: i64,
    ) -> String {
        let token = format!("{}!AQ{}", org.short(), random_text());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(token.clone(), Session { user, issued_ms: now_ms, grant });
        token
    }

    /// Ends all tokens that go back to an agreement.
    pub(crate) fn close_grant(&self, grant: u64) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, session| session.grant != Some(grant));
    }

    /// Finds the session of a token that is still good.
    pub(crate) fn find(&self, token: &str, lifetime: Duration, now_ms: i64) -> Option<Session> {
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = *kept.get(token)?;
        if now_ms - session.issued_ms < lifetime_ms {
            return Some(session);
        }
        kept.remove(token);
        None
    }

    /// Ends a token; false when it was not good.
    pub(crate) fn close(&self, token: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(token).is_some()
    }

    /// Ends all tokens.
    pub(crate) fn close_all(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Makes text that nobody guesses.
pub(crate) fn random_text() -> String {
    let mut bytes = [0_u8; 48];
    // Without a random source tokens would repeat; on loopback that only shares a session.
    let _ = getrandom::fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).replace('-', ".")
}
