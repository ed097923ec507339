//! A remote system of record, read side.

use async_trait::async_trait;

use crate::error::PortError;
use crate::ids::{ObjectName, RecordId};
use crate::model::Fields;
use crate::time::Timestamp;

/// A record as its system holds it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRecord {
    /// Its id.
    pub record_id: RecordId,
    /// Its version: `SystemModstamp` for Salesforce, to the second.
    pub version: Timestamp,
    /// Whether it lies in the recycle bin.
    pub is_deleted: bool,
    /// Every field that was asked for and could be read, `Null` where it has no value.
    pub fields: Fields,
    /// Of the fields that were asked for, those that could not be read: they do not exist, or are
    /// hidden from us. They say nothing.
    pub unread: Vec<String>,
}

/// Which changes to read: from `from` on, in the order `(version, id)`, deleted records included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaQuery {
    /// The object to read.
    pub object: ObjectName,
    /// The fields to read; id, version and deletion come along unasked.
    pub fields: Vec<String>,
    /// Read records whose version is this or later.
    pub from: Timestamp,
    /// Of the records whose version is exactly `from`, read only those with a greater id.
    pub after_id: Option<RecordId>,
    /// Read only records whose version is earlier than this.
    pub until: Timestamp,
}

/// In which order the pages of one query come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageOrder {
    /// By version: after a page, everything before its last record has been read.
    #[default]
    ByVersion,
    /// In an order of the platform's own, such as by id: nothing is known to be read before the
    /// last page is.
    Other,
}

/// One page of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeltaPage {
    /// The records; in the order `(version, id)` unless `order` says otherwise.
    pub records: Vec<RemoteRecord>,
    /// The platform's mark of the next page; `None` after the last.
    pub next: Option<String>,
    /// What a page says about those before it.
    pub order: PageOrder,
}

/// Whether a connection works, for people and for `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The time over there, from its own clock.
    pub remote_now: Timestamp,
    /// Calls left in the rolling day, when the platform says.
    pub calls_left: Option<u64>,
}

/// Reads a remote system of record.
///
/// # Contract
///
/// - Pages of one query never skip a record, whatever versions are equal. A page may be short;
///   only `next: None` ends the query.
/// - A field that does not exist over there or is hidden is left out of `fields` and named in
///   `unread`, where the platform tells which it is; else the call is `Rejected`, with its name in
///   the cause.
#[async_trait]
pub trait Crm: Send + Sync {
    /// Reads one record, from the recycle bin too; `None` when it is gone for good.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn read(
        &self,
        object: &ObjectName,
        record_id: &RecordId,
        fields: &[String],
    ) -> Result<Option<RemoteRecord>, PortError>;

    /// Reads the first page of `query`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn changes(&self, query: &DeltaQuery) -> Result<DeltaPage, PortError>;

    /// Reads the page of `query` that `next` marks.
    ///
    /// # Errors
    ///
    /// `NotFound` when the mark has expired: ask [`changes`](Crm::changes) again, from the last
    /// record that was read.
    async fn more_changes(&self, query: &DeltaQuery, next: &str) -> Result<DeltaPage, PortError>;

    /// Checks that the connection works, with one cheap call.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn health(&self) -> Result<Health, PortError>;
}
