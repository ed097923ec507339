//! The session of a connection, for calls that the connection's own client does not make.

use async_trait::async_trait;
use url::Url;

use crate::error::PortError;
use crate::ids::SalesforceId;
use crate::secret::Secret;

/// What a call shows, and where it is good.
#[derive(Clone, Debug)]
pub struct RemoteSession {
    /// The token, good until the platform refuses it.
    pub token: Secret,
    /// Where the platform wants to be called with it. It may differ from one session to the next.
    pub instance_url: Url,
    /// The organisation over there: the first id in the `id` URL of a token answer.
    pub organization_id: SalesforceId,
}

/// Keeps the session of one connection.
///
/// # Contract
///
/// - One session serves all callers; many that find none wait for one login.
/// - A session that was reported as refused is not handed out again. A report about a session that
///   was replaced meanwhile changes nothing: of many that find it ended, one leads to a login.
#[async_trait]
pub trait RemoteSessions: Send + Sync {
    /// Returns the session in use, logging in when there is none.
    ///
    /// # Errors
    ///
    /// As the platform answers to the login.
    async fn session(&self) -> Result<RemoteSession, PortError>;

    /// Takes note that the platform refused `session`.
    fn refuse(&self, session: &RemoteSession);
}
