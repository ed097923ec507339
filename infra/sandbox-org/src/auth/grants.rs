//! What people agreed to: codes, refresh tokens, device codes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::sessions::random_text;

/// A code is good this long, in milliseconds. Source: web server flow, "authorization code".
const CODE_LIFE_MS: i64 = 15 * 60 * 1000;

/// A person's agreement, for which a code was given.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    /// The app.
    pub(crate) client_id: String,
    /// What was agreed to.
    pub(crate) scope: String,
    /// Where the browser was sent back to; empty for a device.
    pub(crate) redirect_uri: String,
    /// The PKCE challenge.
    pub(crate) challenge: Option<String>,
}

#[derive(Debug)]
struct Code {
    agreement: Agreement,
    issued_ms: i64,
    /// The grant it gave when it was used.
    used: Option<u64>,
}

#[derive(Debug)]
struct Refresh {
    client_id: String,
    scope: String,
    grant: u64,
    is_spent: bool,
}

#[derive(Debug)]
struct Device {
    agreement: Agreement,
    user_code: String,
    is_approved: bool,
    asked_ms: i64,
}

/// How a question about a code ended.
#[derive(Debug)]
pub(crate) enum Found<T> {
    /// It is good.
    Good(T),
    /// It was used before: the grant it gave must end.
    Replayed(u64),
    /// It is not known, or its time is over.
    Unknown,
}

/// How a device's question ended.
#[derive(Debug)]
pub(crate) enum Asked {
    Approved(Agreement),
    Pending,
    TooSoon,
    Unknown,
}

#[derive(Debug, Default)]
struct Kept {
    n_grants: u64,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, Refresh>,
    devices: HashMap<String, Device>,
}

/// All agreements.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<Kept>);

impl Grants {
    /// Gives a code for an agreement.
    pub(crate) fn give_code(&self, agreement: Agreement, now_ms: i64) -> String {
        let code = format!("aPrx{}==", random_text());
        self.kept().codes.insert(code.clone(), Code { agreement, issued_ms: now_ms, used: None });
        code
    }

    /// Uses a code up.
    pub(crate) fn use_code(&self, code: &str, now_ms: i64) -> Found<(Agreement, u64)> {
        let mut kept = self.kept();
        let next = kept.n_grants + 1;
        let found = match kept.codes.get_mut(code) {
            Some(Code { used: Some(grant), .. }) => return Found::Replayed(*grant),
            Some(found) if now_ms - found.issued_ms < CODE_LIFE_MS => found,
            _ => return Found::Unknown,
        };
        found.used = Some(next);
        let agreement = found.agreement.clone();
        kept.n_grants = next;
        Found::Good((agreement, next))
    }

    /// Begins a grant without a code, for a device.
    pub(crate) fn begin(&self) -> u64 {
        let mut kept = self.kept();
        kept.n_grants += 1;
        kept.n_grants
    }

    /// Gives a refresh token for a grant.
    pub(crate) fn give_refresh(&self, client_id: &str, scope: &str, grant: u64) -> String {
        let token = format!("5Aep861{}", random_text());
        let (client_id, scope) = (client_id.to_owned(), scope.to_owned());
        let refresh = Refresh { client_id, scope, grant, is_spent: false };
        self.kept().refresh.insert(token.clone(), refresh);
        token
    }

    /// Finds the grant and scope of a refresh token, and uses it up when it `rotates`.
    pub(crate) fn use_refresh(
        &self,
        token: &str,
        client_id: &str,
        rotates: bool,
    ) -> Found<(u64, String)> {
        let mut kept = self.kept();
        match kept.refresh.get_mut(token) {
            Some(found) if found.client_id != client_id => Found::Unknown,
            Some(found) if found.is_spent => Found::Replayed(found.grant),
            Some(found) => {
                found.is_spent = rotates;
                Found::Good((found.grant, found.scope.clone()))
            }
            None => Found::Unknown,
        }
    }

    /// Returns the grant of a refresh token that is still good.
    pub(crate) fn grant_of(&self, refresh_token: &str) -> Option<u64> {
        let kept = self.kept();
        kept.refresh.get(refresh_token).filter(|it| !it.is_spent).map(|it| it.grant)
    }

    /// Ends a grant with all its refresh tokens.
    pub(crate) fn end(&self, grant: u64) {
        self.kept().refresh.retain(|_, refresh| refresh.grant != grant);
    }

    /// Gives a device code and what the person types.
    pub(crate) fn give_device_code(&self, agreement: Agreement, now_ms: i64) -> (String, String) {
        let code = format!("M01W{}", random_text());
        let user_code: String = random_text()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|it| it.to_ascii_uppercase())
            .take(8)
            .collect();
        let device = Device {
            agreement,
            user_code: user_code.clone(),
            is_approved: false,
            asked_ms: now_ms,
        };
        self.kept().devices.insert(code.clone(), device);
        (code, user_code)
    }

    /// Takes the person's agreement to a device; false when nobody knows the code.
    pub(crate) fn approve_device(&self, user_code: &str) -> bool {
        let mut kept = self.kept();
        let found = kept.devices.values_mut().find(|it| it.user_code == user_code);
        found.map(|device| device.is_approved = true).is_some()
    }

    /// Answers a device; no sooner than `interval_ms` after its last question.
    pub(crate) fn ask_device(&self, code: &str, interval_ms: i64, now_ms: i64) -> Asked {
        let mut kept = self.kept();
        let Some(device) = kept.devices.get_mut(code) else { return Asked::Unknown };
        let waited_ms = now_ms - device.asked_ms;
        device.asked_ms = now_ms;
        if device.is_approved {
            let agreement = device.agreement.clone();
            kept.devices.remove(code);
            return Asked::Approved(agreement);
        }
        if waited_ms < interval_ms { Asked::TooSoon } else { Asked::Pending }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
