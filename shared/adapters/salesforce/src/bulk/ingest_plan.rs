//! What a bulk upload does, and the rows that it sends.

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::PortError;
use shared::ids::{ObjectName, SalesforceId};
use shared::model::FieldValue;

use super::csv::{ColumnKind, CsvWriter};
use super::fault::BulkFault;

/// What is done with the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IngestOperation {
    /// They are created: the same rows twice make two records each.
    Insert,
    /// They are changed, by `Id`.
    Update,
    /// They are created or changed, by an external id.
    Upsert {
        /// The field that identifies them.
        external_id: String,
    },
    /// They are moved to the recycle bin, by `Id`.
    Delete,
    /// They are deleted for good, by `Id`.
    HardDelete,
}

/// What a bulk upload does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestPlan {
    /// The object.
    pub object: ObjectName,
    /// What is done with the rows.
    pub operation: IngestOperation,
    /// The columns of every row.
    pub columns: Vec<String>,
    /// The column that tells rows apart: results come in another order.
    pub key: String,
    /// What the key holds.
    pub key_kind: ColumnKind,
    /// The assignment rule that runs for cases and leads.
    pub assignment_rule: Option<SalesforceId>,
}

impl IngestPlan {
    /// Plans `operation` on `object` with `columns`; rows are told apart by the external id, or by
    /// `Id`. Sort rows by their parent: records of one parent in two batches lock each other out.
    pub fn new(object: ObjectName, operation: IngestOperation, columns: Vec<String>) -> Self {
        let key = match &operation {
            IngestOperation::Upsert { external_id } => external_id.clone(),
            _ => "Id".to_owned(),
        };
        let (key_kind, assignment_rule) = (ColumnKind::Text, None);
        Self { object, operation, columns, key, key_kind, assignment_rule }
    }

    /// Tells rows apart by `column`, as an insert needs, whose values are all different.
    #[must_use]
    pub fn with_key(mut self, column: impl Into<String>, kind: ColumnKind) -> Self {
        (self.key, self.key_kind) = (column.into(), kind);
        self
    }

    /// Runs the assignment rule `rule`.
    #[must_use]
    pub fn with_assignment_rule(mut self, rule: SalesforceId) -> Self {
        self.assignment_rule = Some(rule);
        self
    }

    /// Tells whether the same rows may be sent twice.
    pub(super) fn is_idempotent(&self) -> bool {
        self.operation != IngestOperation::Insert
    }

    pub(super) fn is_key_an_id(&self) -> bool {
        self.key.eq_ignore_ascii_case("Id")
    }

    /// Returns the place of the key among the columns.
    pub(super) fn key_idx(&self) -> Option<usize> {
        self.columns.iter().position(|it| it.eq_ignore_ascii_case(&self.key))
    }

    /// Checks the plan before anything is called.
    pub(super) fn check(&self) -> Result<(), BulkFault> {
        let bad = |what| Err(BulkFault::BadPlan { what });
        if self.key_idx().is_none() {
            return bad("the column that tells rows apart is not among the columns: add it");
        }
        let is_by_id =
            !matches!(self.operation, IngestOperation::Insert | IngestOperation::Upsert { .. });
        if is_by_id && !self.is_key_an_id() {
            return bad("rows that exist are told apart by `Id`");
        }
        let is_delete =
            matches!(self.operation, IngestOperation::Delete | IngestOperation::HardDelete);
        if is_delete && self.columns.len() != 1 {
            return bad("a delete takes the column `Id` alone");
        }
        match CsvWriter::new(&self.columns) {
            Ok(_) => Ok(()),
            Err(_) => bad("the columns are not names of fields, or one stands twice"),
        }
    }

    /// Returns the body that creates a job.
    pub(super) fn job_json(&self) -> Value {
        let operation = match &self.operation {
            IngestOperation::Insert => "insert",
            IngestOperation::Update => "update",
            IngestOperation::Upsert { .. } => "upsert",
            IngestOperation::Delete => "delete",
            IngestOperation::HardDelete => "hardDelete",
        };
        let mut json = Map::from_iter([
            ("object".to_owned(), self.object.as_str().into()),
            ("operation".to_owned(), operation.into()),
            ("contentType".to_owned(), "CSV".into()),
            ("columnDelimiter".to_owned(), "COMMA".into()),
            ("lineEnding".to_owned(), "LF".into()),
        ]);
        if let IngestOperation::Upsert { external_id } = &self.operation {
            json.insert("externalIdFieldName".to_owned(), external_id.as_str().into());
        }
        if let Some(rule) = &self.assignment_rule {
            json.insert("assignmentRuleId".to_owned(), rule.as_str().into());
        }
        Value::Object(json)
    }
}

/// One row, a cell for each column of the plan: `None` leaves the field alone, `Null` empties it.
pub type IngestRow = Vec<Option<FieldValue>>;

/// The rows of an upload, in pieces of whatever size their source has.
pub type RowStream = BoxStream<'static, Result<IngestRow, PortError>>;

/// Where the rows of an upload come from.
///
/// # Contract
///
/// The rows are the same in the same order each time they are opened, until the upload is done: a part
/// that broke is made anew from them.
pub trait IngestRows: Send + Sync {
    /// Opens the rows from number `first` on, counted from 0.
    fn open(&self, first: u64) -> RowStream;
}

impl<F: Fn(u64) -> RowStream + Send + Sync> IngestRows for F {
    fn open(&self, first: u64) -> RowStream {
        self(first)
    }
}

/// Rows that lie in memory, for uploads of a few thousand.
#[derive(Clone, Debug, Default)]
pub struct RowsInMemory(pub std::sync::Arc<[IngestRow]>);

impl IngestRows for RowsInMemory {
    fn open(&self, first: u64) -> RowStream {
        let rows = self.0.clone();
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        stream::iter((first..rows.len()).filter_map(move |idx| rows.get(idx).cloned().map(Ok)))
            .boxed()
    }
}
