//! The session of a connection, lent to calls that the REST client does not make.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use shared::ids::{ConnectionId, SalesforceId};
use shared::ports::{RemoteSession, RemoteSessions};
use shared::{PortError, PortErrorKind};

use super::PLATFORM;
use super::session::{Session, SessionKeeper};

/// The session that the REST client uses too: one login serves both.
pub(super) struct SharedSessions {
    connection: String,
    keeper: SessionKeeper,
    /// What was lent last, to be found again when it is refused.
    lent: Mutex<Option<Session>>,
}

/// The token came without a word about whom it is for.
#[derive(Debug, thiserror::Error)]
#[error("the answer of the token endpoint names no organisation: its `id` is missing or malformed")]
struct NoOrganization;

impl SharedSessions {
    /// Lends the sessions of `keeper`, which are those of `connection`.
    pub(super) fn new(connection: &ConnectionId, keeper: SessionKeeper) -> Self {
        Self { connection: connection.to_string(), keeper, lent: Mutex::default() }
    }

    fn lent(&self) -> MutexGuard<'_, Option<Session>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RemoteSessions for SharedSessions {
    async fn session(&self) -> Result<RemoteSession, PortError> {
        let session = self.keeper.session().await?;
        let Some(organization_id) = session.identity().and_then(organization_of) else {
            let connection = self.connection.as_str();
            return Err(PortError::new(PortErrorKind::Denied, PLATFORM, "log in", connection)
                .with_source(NoOrganization));
        };
        let (token, instance_url) = (session.token().clone(), session.instance_url.clone());
        *self.lent() = Some(session);
        Ok(RemoteSession { token, instance_url, organization_id })
    }

    fn refuse(&self, session: &RemoteSession) {
        if let Some(lent) = self.lent().as_ref()
            && lent.token().expose() == session.token.expose()
        {
            self.keeper.forget(lent);
        }
    }
}

/// Reads the organisation out of `https://login.salesforce.com/id/ORGANISATION/USER`.
/// Source: OAuth endpoints, "Identity URLs".
fn organization_of(identity_url: &str) -> Option<SalesforceId> {
    let (_, ids) = identity_url.split_once("/id/")?;
    SalesforceId::parse(ids.split('/').next()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisation_stands_first_in_the_identity() {
        let url = "https://login.salesforce.com/id/00D5f000000ABCDEA4/0055f000005mc66AAA";
        let found = organization_of(url).unwrap();
        assert_eq!(found, SalesforceId::parse("00D5f000000ABCD").unwrap());
        for url in
            ["", "https://login.salesforce.com/id/", "https://x/id/none/005", "00D5f000000ABCD"]
        {
            assert_eq!(organization_of(url), None, "{url}");
        }
    }
}
