//! What the callers of a case store want written, and what they get back.

use shared::ids::{EntityId, PersonId};
use shared::ports::{
    Committed, CostBatch, DocumentAct, DocumentDraft, Filed, ImportTallies, ItemBatch,
    Reconciliation, SyncRun, Wall,
};

use super::pipeline_runs::{PipelineAnswer, PipelineJob};
use super::prepared::PreparedWrite;
use super::reports::{ReportAnswer, ReportJob};
use super::two_way::{OutboxAnswer, OutboxJob};

/// What one caller wants written.
pub(super) enum Job {
    /// One change with all that belongs to it.
    Apply(Box<PreparedWrite>),
    /// A ledger entry.
    Put {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// The revision it must replace.
        expected_revision: u64,
    },
    /// A sync run.
    Record(Box<SyncRun>),
    /// A comparison of both sides.
    RecordReconciliation(Box<Reconciliation>),
    /// Something about runs of pipelines.
    Pipelines(Box<PipelineJob>),
    /// Something about reports.
    Reports(Box<ReportJob>),
    /// Something about the outbox.
    Outbox(OutboxJob),
    /// What calls to platforms cost.
    RecordCosts(Box<CostBatch>),
    /// A wall, in place of the one that stands.
    SetWall(Box<Wall>),
    /// No wall of one person at one case.
    LiftWall {
        /// The case.
        case_id: EntityId,
        /// The person.
        person: PersonId,
        /// Who decided.
        by: PersonId,
    },
    /// Imported items of a matter.
    Import(Box<ItemBatch>),
    /// A document of a case.
    File(Box<(DocumentDraft, DocumentAct)>),
    /// That somebody is given the bytes of a document.
    NoteRead(Box<(EntityId, DocumentAct)>),
}

/// What that caller gets back.
pub(super) enum Answer {
    /// The change is committed.
    Committed(Committed),
    /// Somebody else was faster; nothing was written.
    Conflict,
    /// The ledger entry has this revision now.
    Revision(u64),
    /// The sync run, the comparison or the costs are written.
    Recorded,
    /// What the journal of pipelines answers.
    Pipelines(PipelineAnswer),
    /// What the journal of reports answers.
    Reports(ReportAnswer),
    /// What the outbox answers.
    Outbox(OutboxAnswer),
    /// What was decided of a wall is written.
    Wall {
        /// Whether one stood before.
        stood: bool,
    },
    /// Imported items are written.
    Imported(ImportTallies),
    /// There is no such case; nothing was written.
    NoCase,
    /// The document stands.
    Filed(Box<Filed>),
    /// There is no such document; nothing was written.
    NoDocument,
}
