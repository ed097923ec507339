//! How far a table has come, and what is under way: one entry of the ledger.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::lake::{Column, LakeFile};
use crate::ports::BlobKey;
use crate::ports::warehouse::{StagedFile, StatementHandle, StatementId};
use crate::time::Timestamp;

/// How far a table has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableState {
    /// Every change up to this one is in the warehouse, or was refused and told of.
    pub position: u64,
    /// Files that reach beyond the position and are in the warehouse, with their last change.
    #[serde(default)]
    pub ahead: BTreeMap<BlobKey, u64>,
    /// Counts the tables that files were loaded into: a load whose answer is lost for good is done
    /// again in a new one, which remembers no file.
    #[serde(default)]
    pub generation: u32,
    /// The columns that the tables of this generation have; empty when nobody looked yet.
    #[serde(default)]
    pub columns: Vec<Column>,
    /// What is under way.
    #[serde(default)]
    pub plan: Option<Plan>,
    /// Changes that were merged.
    #[serde(default)]
    pub n_rows: u64,
    /// Rows that were refused.
    #[serde(default)]
    pub n_rejected: u64,
    /// The last load that came to its end.
    #[serde(default)]
    pub last: Option<LastLoad>,
}

/// A load that came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastLoad {
    /// When.
    pub at: Timestamp,
    /// How many files it loaded.
    pub n_files: u64,
    /// How many rows they brought; those of compacted files were partly there before.
    pub n_rows: u64,
    /// How many rows were refused.
    pub n_rejected: u64,
}

/// Files that are brought into the warehouse together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Names it; the ids of its statements are made of it.
    pub id: StatementId,
    /// The files.
    pub files: Vec<PlannedFile>,
    /// The position once it is done.
    pub then: u64,
    /// When it was made.
    pub began_at: Timestamp,
    /// What is to be done next.
    pub step: PlanStep,
    /// What was begun for it.
    #[serde(default)]
    pub handle: Option<StatementHandle>,
    /// How often a statement failed for good.
    #[serde(default)]
    pub attempt: u32,
    /// Rows that the files brought.
    #[serde(default)]
    pub n_rows: u64,
    /// Rows that were new among all changes.
    #[serde(default)]
    pub n_new: u64,
    /// Rows that were refused.
    #[serde(default)]
    pub n_rejected: u64,
}

/// A file of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    /// Its name in the lake, and below the stage.
    pub key: BlobKey,
    /// How many rows it has.
    pub n_rows: u64,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// The last change in it.
    pub max_seq: u64,
}

/// What is to be done for a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStep {
    /// Load the files.
    Load,
    /// Wait for a person: too many rows were refused.
    Held,
    /// Merge the changes.
    Changes,
    /// Merge the rows as they stand.
    Current,
    /// Delete what is merged where it was loaded.
    Clear,
}

impl PlanStep {
    /// Returns the name used in ids, logs and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Held => "held",
            Self::Changes => "changes",
            Self::Current => "current",
            Self::Clear => "clear",
        }
    }
}

impl fmt::Display for PlanStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Plan {
    pub(super) fn new(id: StatementId, files: &[LakeFile], then: u64, began_at: Timestamp) -> Self {
        let planned = |it: &LakeFile| PlannedFile {
            key: it.key.clone(),
            n_rows: it.n_rows,
            n_bytes: it.n_bytes,
            max_seq: it.max_seq,
        };
        Self {
            id,
            files: files.iter().map(planned).collect(),
            then,
            began_at,
            step: PlanStep::Load,
            handle: None,
            attempt: 0,
            n_rows: 0,
            n_new: 0,
            n_rejected: 0,
        }
    }

    /// Names the statement of the present step: the same in every process that follows this plan.
    pub(super) fn statement_id(&self) -> StatementId {
        self.id.part(&format!("{} {}", self.step, self.attempt))
    }

    pub(super) fn staged(&self) -> Vec<StagedFile> {
        let staged = |it: &PlannedFile| StagedFile {
            key: it.key.clone(),
            n_rows: it.n_rows,
            n_bytes: it.n_bytes,
        };
        self.files.iter().map(staged).collect()
    }
}

impl TableState {
    /// Ends the plan: its changes count as loaded.
    pub(super) fn settle(&mut self, plan: &Plan, at: Timestamp) {
        self.position = self.position.max(plan.then);
        self.ahead.extend(plan.files.iter().map(|it| (it.key.clone(), it.max_seq)));
        let position = self.position;
        self.ahead.retain(|_, max_seq| *max_seq > position);
        self.n_rows += plan.n_new;
        self.n_rejected += plan.n_rejected;
        self.last = Some(LastLoad {
            at,
            n_files: u64::try_from(plan.files.len()).unwrap_or(u64::MAX),
            n_rows: plan.n_rows,
            n_rejected: plan.n_rejected,
        });
        self.plan = None;
    }

    /// Gives up the plan and the table that it loaded into: what came of it is not known, so its files
    /// are loaded again where nothing is remembered of them.
    pub(super) fn begin_anew(&mut self) {
        self.generation += 1;
        self.columns.clear();
        self.plan = None;
    }
}
