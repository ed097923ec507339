//! How far a bulk upload has come, in a form that outlives the process.

use serde::{Deserialize, Serialize};
use shared::ids::SalesforceId;

use super::ingest_plan::IngestPlan;
use super::upload::Sent;

/// How far a bulk upload has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestJobState {
    /// What the upload does.
    pub plan: IngestPlan,
    /// The first row, counted from 0, that no settled part holds.
    pub next_row: u64,
    /// Whether the source has no row behind that one.
    pub is_source_done: bool,
    /// The part that is under way.
    pub part: Option<PartState>,
    /// What became of the rows of settled parts.
    pub totals: IngestTotals,
}

/// What became of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestTotals {
    /// Jobs that were done.
    pub n_jobs: u64,
    /// Rows that were written, those that were created among them.
    pub n_succeeded: u64,
    /// Rows that were created.
    pub n_created: u64,
    /// Rows that failed.
    pub n_failed: u64,
    /// Rows that a job ended before.
    pub n_unprocessed: u64,
    /// Rows that cannot go by a bulk job.
    pub n_refused: u64,
    /// Rows that were sent again alone, after somebody else had locked them.
    pub n_sent_again: u64,
}

/// One part of an upload: one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartState {
    /// Its first row, counted from 0.
    pub first_row: u64,
    /// Which time rows of it are sent; later ones hold the rows that were locked before.
    pub round: u32,
    /// Of a later round: the keys that are sent, and how many rows hold them.
    pub(super) again: Option<Again>,
    /// How often its job was begun anew.
    pub n_anew: u32,
    /// Where it stands.
    pub phase: PartPhase,
}

/// What a later round sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Again {
    pub(super) keys: Vec<String>,
    pub(super) n_rows: u64,
    /// Whether the part's rows were the last of the source.
    pub(super) is_last: bool,
}

/// Where a part stands. Only a job whose file is known to be whole is started, so that a process that
/// dies never leaves a job behind that works on half a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase")]
pub enum PartPhase {
    /// Its job may have been asked for; one without a file changes nothing.
    Planned,
    /// Its job waits for the file.
    Created {
        /// The job.
        job_id: SalesforceId,
    },
    /// The file is there; the job may have been started.
    Uploaded {
        /// The job.
        job_id: SalesforceId,
        /// What the file holds.
        sent: Sent,
    },
    /// The job was started.
    Started {
        /// The job.
        job_id: SalesforceId,
        /// What the file holds.
        sent: Sent,
    },
}

impl IngestJobState {
    /// Begins an upload.
    pub fn new(plan: IngestPlan) -> Self {
        let totals = IngestTotals::default();
        Self { plan, next_row: 0, is_source_done: false, part: None, totals }
    }

    /// Tells whether every row has an outcome.
    pub fn is_done(&self) -> bool {
        self.is_source_done && self.part.is_none()
    }
}

impl IngestJobState {
    /// Gives up the part whose results cannot be had, and goes on behind it: rows of it without an
    /// outcome are to be sent again by another upload. Returns whether there was such a part.
    pub fn give_up_part(&mut self) -> bool {
        let sent = match self.part.as_ref().map(|it| &it.phase) {
            Some(PartPhase::Started { sent, .. }) => sent.clone(),
            _ => return false,
        };
        self.end_part(&sent);
        true
    }

    /// Goes on behind the rows of the part.
    pub(super) fn end_part(&mut self, sent: &Sent) {
        let Some(part) = self.part.take() else { return };
        let (n_rows, is_last) = match part.again {
            Some(again) => (again.n_rows, again.is_last),
            None => (sent.n_taken, sent.is_last),
        };
        self.next_row = part.first_row + n_rows;
        self.is_source_done = is_last;
    }
}

impl PartState {
    pub(super) fn first(first_row: u64) -> Self {
        Self { first_row, round: 0, again: None, n_anew: 0, phase: PartPhase::Planned }
    }

    /// Returns the job, once there is one.
    pub fn job_id(&self) -> Option<&SalesforceId> {
        match &self.phase {
            PartPhase::Planned => None,
            PartPhase::Created { job_id }
            | PartPhase::Uploaded { job_id, .. }
            | PartPhase::Started { job_id, .. } => Some(job_id),
        }
    }
}
