//! Walks along all records of an object, as they are kept here.

use async_trait::async_trait;

use super::case_store::Shadow;
use crate::error::PortError;
use crate::ids::{ConnectionId, ObjectName, RecordId};
use crate::model::Fields;

/// A record with its row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedRecord {
    /// What is known of the record.
    pub shadow: Shadow,
    /// Its row by our names, in the form of a [`Write`](super::Write), custom fields included; `None`
    /// when there is no row.
    pub row: Option<Fields>,
    /// Whether the row counts as deleted.
    pub is_row_deleted: bool,
}

/// Which records to read.
#[derive(Clone, Debug)]
pub struct ScanRange {
    /// The connection.
    pub connection: ConnectionId,
    /// The object.
    pub object: ObjectName,
    /// Behind this record.
    pub after: Option<RecordId>,
    /// Up to and including this record.
    pub until: Option<RecordId>,
    /// How many at most.
    pub limit: u32,
}

/// Reads records in the order of their ids.
///
/// # Contract
///
/// - Ids are ordered by their bytes. Deleted records come along.
#[async_trait]
pub trait RecordScan: Send + Sync {
    /// Counts the records that are there: those not deleted over there.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn n_records(
        &self,
        connection: &ConnectionId,
        object: &ObjectName,
    ) -> Result<u64, PortError>;

    /// Reads the next records of `range`.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn scan(&self, range: &ScanRange) -> Result<Vec<ScannedRecord>, PortError>;
}
