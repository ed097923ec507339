//! Merges of a staging table into its target.

use std::collections::BTreeSet;
use std::time::Duration;

use super::name::{Identifier, StatementId, TableName};
use super::value::WarehouseValue;
use super::{Sending, TIMEOUT};

/// A merge that is not one.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMerge {
    /// There is no key.
    #[error("a merge needs at least one key column")]
    NoKey,
    /// There is no version.
    #[error(
        "a merge needs at least one version column: without it a late row replaces a newer one"
    )]
    NoVersion,
    /// A column is there twice.
    #[error("the column `{column}` is named twice")]
    Twice {
        /// The column.
        column: Identifier,
    },
    /// The staging table is the target.
    #[error("`{table}` cannot be merged into itself")]
    SameTable {
        /// The table.
        table: TableName,
    },
}

/// Rows of a staging table to merge into a target with the same columns.
///
/// A row is known by its key. Of several rows with one key, and against the row of the target, the
/// one with the highest version wins: the version columns are compared in their order, null below
/// everything. A deletion is a row like others, whose column says that it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Merge {
    id: StatementId,
    /// Whether it may have been begun before.
    pub sending: Sending,
    staging: TableName,
    target: TableName,
    key: Vec<Identifier>,
    version: Vec<Identifier>,
    columns: Vec<Identifier>,
    batch: Option<(Identifier, WarehouseValue)>,
    /// When the warehouse gives up.
    pub timeout: Duration,
}

impl Merge {
    /// Names the merge of `staging` into `target` by the columns of `key` and `version`; `columns`
    /// are the others that are copied.
    ///
    /// # Errors
    ///
    /// [`InvalidMerge`] when there is no key or version, a column is named twice, or both tables
    /// are one.
    pub fn new(
        id: StatementId,
        (staging, target): (TableName, TableName),
        key: Vec<Identifier>,
        version: Vec<Identifier>,
        columns: Vec<Identifier>,
    ) -> Result<Self, InvalidMerge> {
        if key.is_empty() {
            return Err(InvalidMerge::NoKey);
        }
        if version.is_empty() {
            return Err(InvalidMerge::NoVersion);
        }
        if staging == target {
            return Err(InvalidMerge::SameTable { table: target });
        }
        let mut seen = BTreeSet::new();
        let twice = key.iter().chain(&version).chain(&columns).find(|it| !seen.insert(*it));
        if let Some(column) = twice {
            return Err(InvalidMerge::Twice { column: column.clone() });
        }
        let (sending, batch) = (Sending::First, None);
        let timeout = TIMEOUT;
        Ok(Self { id, sending, staging, target, key, version, columns, batch, timeout })
    }

    /// Merges only the rows whose `column`, which the target need not have, is `value`.
    #[must_use]
    pub fn of_batch(self, column: Identifier, value: WarehouseValue) -> Self {
        Self { batch: Some((column, value)), ..self }
    }

    /// Says whether it may have been begun before.
    #[must_use]
    pub fn sent(self, sending: Sending) -> Self {
        Self { sending, ..self }
    }

    /// Returns its id.
    pub fn id(&self) -> &StatementId {
        &self.id
    }

    /// Returns the table that rows come from.
    pub fn staging(&self) -> &TableName {
        &self.staging
    }

    /// Returns the table that rows go to.
    pub fn target(&self) -> &TableName {
        &self.target
    }

    /// Returns the columns of the key.
    pub fn key(&self) -> &[Identifier] {
        &self.key
    }

    /// Returns the columns of the version, the most significant first.
    pub fn version(&self) -> &[Identifier] {
        &self.version
    }

    /// Returns the other columns.
    pub fn columns(&self) -> &[Identifier] {
        &self.columns
    }

    /// Returns the batch that is merged; `None` is all rows.
    pub fn batch(&self) -> Option<&(Identifier, WarehouseValue)> {
        self.batch.as_ref()
    }
}

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MergeReport {
    /// Rows of new keys.
    pub n_inserted: u64,
    /// Rows that a newer version replaced.
    pub n_updated: u64,
}
