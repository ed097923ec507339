//! What is asked of the org, and what a commit did.

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::error::RecordError;
use super::locks::Unlucky;
use super::precondition::Precondition;
use super::row::Row;
use crate::ids::RecordId;

/// How a caller wants changes made.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// The API it comes by, as `changeOrigin` names it: `rest`, `soap`, `bulkapi`.
    pub(crate) surface: &'static str,
    /// Whether rows are saved that a duplicate rule only alerts of.
    pub(crate) saves_duplicates: bool,
    /// What must hold for the row that is updated.
    pub(crate) precondition: Precondition,
    /// When the statement ran, in milliseconds, if not now: what is committed late has its stamp.
    pub(crate) stamp_ms: Option<i64>,
    /// Which records are found locked.
    pub(crate) unlucky: Option<Unlucky>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            surface: "rest",
            saves_duplicates: false,
            precondition: Precondition::default(),
            stamp_ms: None,
            unlucky: None,
        }
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
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        #[serde(default)]
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
    /// Gone for good, from the recycle bin or past it.
    Erase {
        /// The row, in either form.
        id: String,
    },
    /// Rows become part of another.
    Merge {
        /// Object.
        object: String,
        /// The row that stays, in either form.
        master: String,
        /// The rows that go, in either form.
        losers: Vec<String>,
        /// New values for the row that stays.
        #[serde(default)]
        fields: Map<String, Json>,
    },
}

impl Change {
    /// Returns the row it names, if it names one.
    #[must_use]
    pub(crate) fn row(&self) -> Option<RecordId> {
        match self {
            Self::Update { id, .. }
            | Self::Delete { id }
            | Self::Undelete { id }
            | Self::Erase { id }
            | Self::Merge { master: id, .. } => RecordId::parse(id),
            Self::Create { .. } | Self::Upsert { .. } => None,
        }
    }
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
    /// Gone for good: no event tells of it.
    Erase,
    /// Changed by the platform and by nobody: only `SystemModstamp` tells of it.
    Touch,
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
    /// The row whose deletion took this one along.
    pub(crate) root: Option<RecordId>,
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
