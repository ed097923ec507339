//! Rows as either engine hands them out, and how they read in the words of the ports.

mod audit;
mod case;
mod case_detail;
mod change;
mod record;
mod run;
mod shadow;
mod wall;

pub(super) use audit::StoredAudit;
pub(super) use case::{JOIN_NAMES, ListedCase, SUMMARY_COLUMNS};
pub(super) use case_detail::{
    DETAIL_COLUMNS, StoredCase, StoredCommunication, StoredDocument, StoredEvent, StoredFiling,
};
pub(super) use change::StoredChange;
pub(super) use record::{StoredRecord, record_columns};
pub(super) use run::{StoredRun, outcome_word};
pub(super) use shadow::{DigestedShadow, KeyedShadow, SHADOW_COLUMNS, StoredShadow};
pub(super) use wall::StoredWall;
