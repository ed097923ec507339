//! How far the reading of a whole object has come, in a form that outlives the process.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use shared::PortError;
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::ports::{BulkJournal, BulkRead, BulkReadTotals, RemoteRecord};
use shared::time::Timestamp;

use super::id_range::IdRange;
use super::readable::Readable;
use super::{Purpose, parse_id, rejected};
use crate::bulk::{ColumnKind, JobJournal, QueryJobState};

/// A state that is not of the query at hand.
#[derive(Debug, thiserror::Error)]
#[error("the state is of another reading: begin anew")]
struct OtherQuery;

/// What is read, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) object: ObjectName,
    pub(super) fields: Vec<String>,
    pub(super) from: Option<Timestamp>,
    pub(super) after: Option<RecordId>,
    pub(super) until: Option<RecordId>,
    pub(super) reads_deleted: bool,
}

impl From<&BulkRead> for Asked {
    fn from(query: &BulkRead) -> Self {
        let BulkRead { object, fields, from, after, until, reads_deleted } = query.clone();
        Self { object, fields, from, after, until, reads_deleted }
    }
}

impl IdRange {
    /// Returns the ids that were asked for.
    pub(super) fn of(purpose: Purpose<'_>, asked: &Asked) -> Result<Self, PortError> {
        let id = |id: &Option<RecordId>| id.as_ref().map(|it| parse_id(purpose, it)).transpose();
        Ok(Self { after: id(&asked.after)?, until: id(&asked.until)? })
    }
}

/// What does not change while it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) asked: Asked,
    /// The fields that can be read, each with what it holds.
    pub(super) shown: Vec<(String, ColumnKind)>,
    pub(super) unread: Vec<String>,
    /// Records there were when it began, where that was counted.
    pub(super) n_total: Option<u64>,
}

impl Head {
    pub(super) fn new(asked: Asked, readable: Readable, n_total: Option<u64>) -> Self {
        let Readable { shown, unread } = readable;
        Self { asked, shown, unread, n_total }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.shown.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn mark(&self, mut record: RemoteRecord) -> RemoteRecord {
        record.unread.clone_from(&self.unread);
        record
    }

    pub(super) fn totals(&self, n_read: u64) -> BulkReadTotals {
        // Records may have been made since they were counted.
        BulkReadTotals { n_read, n_total: self.n_total.map(|it| it.max(n_read)) }
    }
}

/// How it is read, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Way {
    /// By queries in the order of the ids.
    Query {
        /// The last record that was taken.
        after: Option<SalesforceId>,
        /// Records that were taken.
        n_read: u64,
    },
    /// By a bulk job.
    Job(QueryJobState),
    /// By a bulk job for each range of ids, which together are all.
    Ranges(Vec<RangePart>),
}

/// One range of ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RangePart {
    pub(super) range: IdRange,
    pub(super) progress: RangeProgress,
}

/// How far one range has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RangeProgress {
    /// Nothing was asked yet.
    Waiting,
    /// Its job was begun.
    Reading(Box<QueryJobState>),
    /// All of it was taken.
    Done {
        /// Its records.
        n_read: u64,
    },
}

impl RangePart {
    pub(super) fn new(range: IdRange) -> Self {
        Self { range, progress: RangeProgress::Waiting }
    }

    /// Returns how many records were taken.
    pub(super) fn n_read(&self) -> u64 {
        match &self.progress {
            RangeProgress::Waiting => 0,
            RangeProgress::Reading(job) => job.n_read(),
            RangeProgress::Done { n_read } => *n_read,
        }
    }
}

impl Way {
    /// Begins with queries.
    pub(super) fn by_query() -> Self {
        Self::Query { after: None, n_read: 0 }
    }
}

/// How far the reading of a whole object has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadState {
    pub(super) head: Head,
    pub(super) way: Way,
}

impl ReadState {
    /// Reads a state that was saved of `query`.
    pub(super) fn parse(
        purpose: Purpose<'_>,
        state: &str,
        query: &BulkRead,
    ) -> Result<Self, PortError> {
        let state: Self = serde_json::from_str(state).map_err(|error| rejected(purpose, error))?;
        match state.head.asked == Asked::from(query) {
            true => Ok(state),
            false => Err(rejected(purpose, OtherQuery)),
        }
    }

    /// Saves the state.
    pub(super) async fn save(&self, journal: &dyn BulkJournal) -> Result<(), PortError> {
        let subject = self.head.asked.object.as_str();
        let purpose = Purpose { operation: "save reading", subject };
        let json = serde_json::to_string(self).map_err(|error| rejected(purpose, error))?;
        journal.save(&json).await
    }
}

/// Keeps the state of a job together with what it reads.
pub(super) struct Note<'a> {
    pub(super) journal: &'a dyn BulkJournal,
    pub(super) head: &'a Head,
}

#[async_trait]
impl JobJournal<QueryJobState> for Note<'_> {
    async fn save(&self, state: &QueryJobState) -> Result<(), PortError> {
        let (head, way) = (self.head.clone(), Way::Job(state.clone()));
        ReadState { head, way }.save(self.journal).await
    }
}
