//! A remote system of record, read as a whole.

use async_trait::async_trait;

use super::crm::RemoteRecord;
use super::crm_writer::BulkJournal;
use crate::error::PortError;
use crate::ids::{ObjectName, RecordId};
use crate::time::Timestamp;

/// Which records to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRead {
    /// The object.
    pub object: ObjectName,
    /// The fields; id, version and deletion come along unasked.
    pub fields: Vec<String>,
    /// Only records whose version is this or later, to the second.
    pub from: Option<Timestamp>,
    /// Only records behind this one, by the bytes of their ids.
    pub after: Option<RecordId>,
    /// Only records up to and including this one.
    pub until: Option<RecordId>,
    /// Whether those in the recycle bin come along.
    pub reads_deleted: bool,
}

/// How far a reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BulkReadTotals {
    /// Records that were taken, those of the processes before among them; each counts once.
    pub n_read: u64,
    /// Records there are to read, once the platform has told.
    pub n_total: Option<u64>,
}

/// Takes the records of a reading.
///
/// # Contract
///
/// - What was taken is durable when the call returns.
/// - Records come in no order, several calls may be under way at once, and the same records may come
///   again: after a crash, or when an answer broke halfway.
#[async_trait]
pub trait RecordSink: Send + Sync {
    /// Takes some records, at most a few hundred.
    ///
    /// # Errors
    ///
    /// As the store answers; the reading then stops, to be gone on with.
    async fn take(&self, records: Vec<RemoteRecord>) -> Result<(), PortError>;

    /// Hears how far the reading has come, from time to time.
    fn progress(&self, totals: BulkReadTotals);
}

/// Reads whole objects, in memory that does not grow with them.
///
/// # Contract
///
/// - When it ends well, every record that met the query when it began, and meets it still, was taken
///   at least once, as it stood at some moment since. A record that changed meanwhile may have been
///   taken in its state before or after.
/// - A record is as [`Crm`](super::Crm) would have read it: the same values, the same
///   [`unread`](RemoteRecord::unread) fields, whichever way the platform was asked.
/// - The state that the journal saved outlives this process: with it another one goes on where this
///   one was. A state whose work the platform has forgotten begins anew by itself.
#[async_trait]
pub trait BulkReader: Send + Sync {
    /// Reads every record of `query` into `sink`; `state` is what the journal saved last of the same
    /// query, `None` to begin.
    ///
    /// # Errors
    ///
    /// As the platform, the sink or the journal answers: go on with the last state. `RateLimited` when
    /// it would take more calls than are left. `Rejected` when `state` is not one of this query.
    async fn read_all(
        &self,
        query: &BulkRead,
        state: Option<&str>,
        sink: &dyn RecordSink,
        journal: &dyn BulkJournal,
    ) -> Result<BulkReadTotals, PortError>;

    /// Counts the records of `object` that are not deleted, in one call: exactly, or as of a while ago
    /// where the platform cannot count that many.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn count(&self, object: &ObjectName) -> Result<u64, PortError>;
}
