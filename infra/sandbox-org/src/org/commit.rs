//! What is asked of the org, and what a commit did.

use serde_json::{Map, Value as Json};

use super::error::RecordError;
use super::row::Row;
use crate::ids::RecordId;

/// How a caller wants changes made.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// The API it comes by, as `changeOrigin` names it: `rest`, `soap`, `bulkapi`.
    pub(crate) surface: &'static str,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { surface: "rest" }
    }
}

/// Who changes rows, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    /// The user.
    pub(crate) user: RecordId,
    /// Client name of `Sforce-Call-Options`.
    pub(crate) client: Option<String>,
    /// API version, such as `66.0`; empty for changes made inside the org.
    pub(crate) version: String,
    /// How changes are wanted.
    pub(crate) options: WriteOptions,
}

impl Author {
    /// A user who works inside the org, by no API.
    #[must_use]
    pub(crate) fn inside(user: RecordId) -> Self {
        Self { user, client: None, version: String::new(), options: WriteOptions::default() }
    }

    /// Returns the `changeOrigin` of change events.
    #[must_use]
    pub(crate) fn origin(&self) -> String {
        if self.version.is_empty() {
            return String::new();
        }
        let client = self.client.as_deref().map(|name| format!(";client={name}"));
        let surface = self.options.surface;
        format!("com/salesforce/api/{surface}/{}{}", self.version, client.unwrap_or_default())
    }
}

/// A wish to change one row.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A new row.
    Create {
        /// Object.
        object: String,
        /// Values by field name.
        fields: Map<String, Json>,
    },
    /// New values for a row.
    Update {
        /// Object, when the caller named it.
        object: Option<String>,
        /// The row, in either form.
        id: String,
        /// Values by field name.
        fields: Map<String, Json>,
    },
    /// New values for the row with this external id, or a new row.
    Upsert {
        /// Object.
        object: String,
        /// External id field.
        key: String,
        /// Its value.
        value: String,
        /// Other values by field name.
        fields: Map<String, Json>,
    },
    /// Into the recycle bin.
    Delete {
        /// The row, in either form.
        id: String,
    },
    /// Out of the recycle bin.
    Undelete {
        /// The row, in either form.
        id: String,
    },
}

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// The row.
    pub(crate) id: RecordId,
    /// Whether it is new.
    pub(crate) created: bool,
}

/// Result of one change.
pub(crate) type Settled = Result<Outcome, RecordError>;

/// How an entry changed its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// New.
    Create,
    /// Changed.
    Update,
    /// Into the recycle bin.
    Delete,
    /// Out of it.
    Undelete,
}

/// One row of a commit.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Object.
    pub(crate) object: String,
    /// How it changed.
    pub(crate) kind: EntryKind,
    /// The row before.
    pub(crate) before: Option<Row>,
    /// The row after.
    pub(crate) after: Row,
}

/// Rows that changed together.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    /// Position in the history of the org.
    pub(crate) number: i64,
    /// When, in milliseconds.
    pub(crate) at_ms: i64,
    /// Who.
    pub(crate) author: Author,
    /// What.
    pub(crate) entries: Vec<Entry>,
}
