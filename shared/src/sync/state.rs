//! What the poller leaves in the ledger for its next run and for people.

use serde::{Deserialize, Serialize};

use crate::ids::{ConnectionId, ObjectName, RecordId};
use crate::time::Timestamp;

/// How far the poller has read one object: everything earlier is queued, durably.
///
/// Kept in the ledger under [`Cursor::ledger_name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Records with an earlier version have been queued.
    pub at: Timestamp,
    /// While a window is being read: of the records with exactly this version, those up to this id
    /// have been queued. `None` between windows.
    pub after_id: Option<RecordId>,
    /// The end of the window being read; `None` between windows.
    pub until: Option<Timestamp>,
    /// While a window is being read: it reads the whole object, for the first time or again.
    #[serde(default)]
    pub is_backfill: bool,
}

impl Cursor {
    /// Stands at `at`, between windows.
    pub fn resting(at: Timestamp) -> Self {
        Self { at, after_id: None, until: None, is_backfill: false }
    }

    /// Returns the ledger name of the cursor of `object` behind `connection`.
    pub fn ledger_name(connection: &ConnectionId, object: &ObjectName) -> String {
        format!("cursor/{connection}/{object}")
    }
}

/// How well a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// The last check succeeded.
    Healthy,
    /// It answers, but something needs attention, such as a small rest of the day's calls.
    Degraded,
    /// The last check failed.
    Down,
    /// It has not been checked yet.
    Unknown,
}

/// The state of a connection, as its last check found it.
///
/// Kept in the ledger under [`ConnectionState::ledger_name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionState {
    /// The connection.
    pub connection: ConnectionId,
    /// Its platform, such as `salesforce`.
    pub platform: String,
    /// How well it works.
    pub status: ConnectionStatus,
    /// What is wrong, in words that lead to the fix.
    pub detail: Option<String>,
    /// When it was last checked.
    pub checked_at: Timestamp,
    /// When a check last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// Calls left in the platform's rolling day, when it says.
    pub calls_left: Option<u64>,
}

impl ConnectionState {
    /// The prefix of every connection's ledger name.
    pub const LEDGER_PREFIX: &'static str = "connection/";

    /// Returns the ledger name of the state of `connection`.
    pub fn ledger_name(connection: &ConnectionId) -> String {
        format!("{}{connection}", Self::LEDGER_PREFIX)
    }
}
