//! What the API needs to change rows, and to show how they stand to their records.

use std::sync::Arc;

use shared::ids::ConnectionId;
use shared::ports::{CaseStore, Clock, Conflicts, Outbox, Random, ReconcileJournal};
use shared::sync::{Author, Desk, Mappings};

use crate::caller::Caller;

/// The ports behind rows that travel both ways.
#[derive(Clone)]
pub struct TwoWay {
    /// Rows and what is known of their records.
    pub store: Arc<dyn CaseStore>,
    /// What waits to be sent.
    pub outbox: Arc<dyn Outbox>,
    /// What both sides changed.
    pub conflicts: Arc<dyn Conflicts>,
    /// The comparisons of both sides.
    pub comparisons: Arc<dyn ReconcileJournal>,
    /// Which fields of which connection are ours; without any nothing can be changed.
    pub mappings: Vec<(ConnectionId, Mappings)>,
    /// Names requests and new rows.
    pub random: Arc<dyn Random>,
}

impl TwoWay {
    /// Opens the desk that changes go through.
    pub(crate) fn desk(&self, clock: Arc<dyn Clock>) -> Desk {
        let (store, conflicts) = (Arc::clone(&self.store), Arc::clone(&self.conflicts));
        Desk::new(store, conflicts, clock, Arc::clone(&self.random), self.mappings.clone())
    }

    /// Names `caller` as the author of what one request changes.
    pub(crate) fn author(&self, caller: &Caller) -> Author {
        let correlation_id = self.random.correlation_id();
        Author {
            actor: format!("person:{}", caller.person()),
            event_id: format!("request:{correlation_id}"),
            correlation_id,
        }
    }
}
