//! What all topics of a connection share.

use std::sync::Arc;

use shared::ids::ConnectionId;
use shared::ports::{Clock, Ledger, Random, RemoteSessions};

use crate::schemas::Schemas;
use crate::wire::Wire;

/// What all topics of a connection share.
pub(crate) struct Parts {
    pub(crate) connection: ConnectionId,
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) sessions: Arc<dyn RemoteSessions>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) schemas: Schemas,
}
