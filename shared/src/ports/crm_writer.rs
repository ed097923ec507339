//! A remote system of record, write side.

use async_trait::async_trait;

use super::crm::RemoteRecord;
use super::outbox::Setback;
use crate::error::PortError;
use crate::ids::{EntityId, ObjectName, RecordId};
use crate::model::Fields;
use crate::time::Timestamp;

/// Which record a write is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A record that is to be made for our row. It carries the row's id over there, so that a second
    /// try finds what the first one made.
    New(EntityId),
    /// A record that is there.
    Known(RecordId),
}

/// New values for one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteWrite {
    /// Which.
    pub target: Target,
    /// Fields by their remote names; `Null` empties a field, one that is absent stays.
    pub fields: Fields,
    /// Refuse it when the record was changed after this, to the second; `None` to overwrite
    /// whatever stands there.
    pub unmodified_since: Option<Timestamp>,
}

/// What can be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalClass {
    /// The same write may be taken later.
    Later,
    /// The same write may be taken by itself: others in its company were in the way.
    Alone,
    /// The record is not there any more.
    Gone,
    /// Nobody but a person can mend it.
    Permanent,
}

/// Why a record was not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What can be done.
    pub class: RefusalClass,
    /// Why, in words for people.
    pub setback: Setback,
}

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// It was done.
    Done {
        /// The record.
        record_id: RecordId,
        /// How it stands since; `None` when that was not read.
        state: Option<RemoteRecord>,
    },
    /// Somebody changed the record after `unmodified_since`: nothing was written.
    Changed,
    /// It was refused: nothing was written.
    Refused(Refusal),
}

/// Records as they stand now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadBack {
    /// The records, in the order they were asked for; `None` for one that is gone for good.
    pub records: Vec<Option<RemoteRecord>>,
    /// The time over there when they were read: a record that was changed in that very second may
    /// be changed in it once more.
    pub read_at: Timestamp,
}

/// What a platform takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterLimits {
    /// Records that [`save`](CrmWriter::save) takes at once with a guard.
    pub max_guarded: usize,
    /// Records that it, and the other methods, take at once without.
    pub max_records: usize,
    /// Records that [`read_many`](CrmWriter::read_many) takes at once.
    pub max_read: usize,
}

/// Writes to a remote system of record.
///
/// # Contract
///
/// - Results come in the order of the writes, one for each: a write without a result is an error of
///   the call.
/// - After an error of the call nothing is known: the writes may have been done. Made again, they do
///   no harm.
/// - A refusal or an error never repeats a value.
#[async_trait]
pub trait CrmWriter: Send + Sync {
    /// Tells how much is taken at once.
    fn limits(&self) -> WriterLimits;

    /// Reads records, from the recycle bin too.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn read_many(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
        fields: &[String],
    ) -> Result<ReadBack, PortError>;

    /// Makes or changes records of `object`, and reads `fields` of those that were written.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Rejected` when more is given than it takes at once.
    async fn save(
        &self,
        object: &ObjectName,
        writes: &[RemoteWrite],
        fields: &[String],
    ) -> Result<Vec<WriteResult>, PortError>;

    /// Deletes records.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Rejected` when more is given than it takes at once.
    async fn delete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError>;

    /// Brings records back.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Rejected` when it cannot, or more is given than it takes at once.
    async fn undelete(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<Vec<WriteResult>, PortError>;

    /// Merges `loser` into `winner`.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Rejected` when it cannot.
    async fn merge(
        &self,
        object: &ObjectName,
        winner: &RecordId,
        loser: &RecordId,
    ) -> Result<WriteResult, PortError>;

    /// Finds the record that was made for our row `id`, from the recycle bin too.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn find(
        &self,
        object: &ObjectName,
        id: &EntityId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError>;
}

/// What a job is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Makes records.
    Create,
    /// Changes records.
    Update,
    /// Deletes records.
    Delete,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobProgress {
    /// It is at work.
    Running {
        /// Records done so far.
        n_done: u64,
    },
    /// It has ended; each record has its own result.
    Ended,
    /// It never began, or was given up before anything was written.
    Void {
        /// Why, in words for people.
        reason: String,
    },
}

/// Writes very many records by jobs that run over there.
///
/// # Contract
///
/// - `begin` returns a handle that outlives this process: with it another one can follow the job.
/// - A handle is known before anything is written. A job that was begun and not `commit`ted writes
///   nothing.
/// - Every record that was given to a job that ended has exactly one result.
#[async_trait]
pub trait BulkWriter: Send + Sync {
    /// Opens a job for `action` on `object`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn begin(&self, object: &ObjectName, action: BulkAction) -> Result<String, PortError>;

    /// Hands the records to the job and starts it.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Rejected` for a value that the job's file cannot carry.
    async fn commit(
        &self,
        handle: &str,
        object: &ObjectName,
        action: BulkAction,
        writes: &[RemoteWrite],
    ) -> Result<(), PortError>;

    /// Asks how far the job has come.
    ///
    /// # Errors
    ///
    /// As the platform answers; `NotFound` when there is no such job.
    async fn progress(&self, handle: &str) -> Result<JobProgress, PortError>;

    /// Reads the result of each record of a job that has ended, in the order of `writes`.
    ///
    /// # Errors
    ///
    /// As the platform answers; `Unavailable` when the results do not account for every record.
    async fn results(
        &self,
        handle: &str,
        object: &ObjectName,
        writes: &[Target],
    ) -> Result<Vec<WriteResult>, PortError>;

    /// Clears the job away, whatever it is at.
    ///
    /// # Errors
    ///
    /// As the platform answers. A job that is not there is not an error.
    async fn close(&self, handle: &str) -> Result<(), PortError>;
}
