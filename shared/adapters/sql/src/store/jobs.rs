//! What the callers of a case store want written, and what they get back.

use shared::ports::{Committed, SyncRun};

use super::prepared::PreparedWrite;

/// What one caller wants written.
pub(super) enum Job {
    /// One change with all that belongs to it.
    Apply(Box<PreparedWrite>),
    /// A ledger entry.
    Put {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// The revision it must replace.
        expected_revision: u64,
    },
    /// A sync run.
    Record(Box<SyncRun>),
}

/// What that caller gets back.
pub(super) enum Answer {
    /// The change is committed.
    Committed(Committed),
    /// Somebody else was faster; nothing was written.
    Conflict,
    /// The ledger entry has this revision now.
    Revision(u64),
    /// The sync run is written.
    Recorded,
}
