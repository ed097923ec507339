//! A remote system of record, write side.

use async_trait::async_trait;

use super::crm::RemoteRecord;
use super::outbox::Setback;
use crate::error::PortError;
use crate::ids::{EntityId, ObjectName, RecordId};
use crate::model::Fields;
use crate::time::Timestamp;

/// Which record a write is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Makes records, or finds those that an earlier try has made.
    Create,
    /// Changes records.
    Update,
}

/// Keeps how far a job has come.
#[async_trait]
pub trait BulkJournal: Send + Sync {
    /// Makes `state` durable; it can be read by the writer that gave it only.
    ///
    /// # Errors
    ///
    /// As the store answers.
    async fn save(&self, state: &str) -> Result<(), PortError>;
}

/// Takes what became of the records of a job.
///
/// # Contract
///
/// - What was taken is durable when the call returns. The same results may come again.
#[async_trait]
pub trait BulkResults: Send + Sync {
    /// Takes results, each with what it is about.
    ///
    /// # Errors
    ///
    /// As the store answers.
    async fn take(&self, results: Vec<(Target, WriteResult)>) -> Result<(), PortError>;
}

/// Writes very many records by jobs that run over there.
///
/// # Contract
///
/// - The state that a journal saved outlives this process: with it another one can find out what
///   became of the job.
/// - A job whose start was not saved writes nothing.
/// - Every record that was given to a job that was started has one result. A field that is absent
///   from a write stays.
#[async_trait]
pub trait BulkWriter: Send + Sync {
    /// Runs a job to its end. None of `writes` has a guard.
    ///
    /// # Errors
    ///
    /// As the platform, the journal or the taker of results answers; with the last state
    /// [`resume`](BulkWriter::resume) it.
    async fn run(
        &self,
        object: &ObjectName,
        action: BulkAction,
        writes: &[RemoteWrite],
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> Result<(), PortError>;

    /// Goes on with a job that another process left: waits for one that was started and tells its
    /// results, clears away one that was not. Records without a result were not written.
    ///
    /// # Errors
    ///
    /// As [`run`](BulkWriter::run); `Rejected` when nobody can tell any more what became of it.
    async fn resume(
        &self,
        state: &str,
        results: &dyn BulkResults,
        journal: &dyn BulkJournal,
    ) -> Result<(), PortError>;
}
