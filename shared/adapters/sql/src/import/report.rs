//! What was found in a file, and what became of it.

use std::path::PathBuf;

use serde::Serialize;
use shared::ids::EntityId;
use shared::ports::{ImportTally, StoreDigest};

/// How grave a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// The row cannot be taken.
    Refused,
    /// The row is taken; something about it should be looked at.
    Finding,
}

/// Something that a person should know of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How grave it is.
    pub kind: ProblemKind,
    /// The table.
    pub table: String,
    /// The `id` of the row, where there is one.
    pub row: Option<i64>,
    /// What is wrong, and the fix.
    pub what: String,
}

/// A table that is not imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub n_rows: u64,
    /// Why.
    pub why: &'static str,
}

/// What became of the matter itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseOutcome {
    /// It is new.
    New,
    /// It was there, and said something else.
    Changed,
    /// It was there as it is.
    Same,
}

/// One table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// Its name.
    pub table: String,
    /// How many rows can be taken.
    pub n_read: u64,
    /// How many cannot.
    pub n_refused: u64,
    /// How those that can be taken stand to what is in the store.
    #[serde(flatten)]
    pub tally: ImportTally,
    /// Digests what was read.
    pub read: StoreDigest,
    /// Digests what stands in the store afterwards; none when nothing was to be written.
    pub stored: Option<StoreDigest>,
}

impl TableReport {
    /// Tells whether what stands is what was read; nothing is wrong where nothing was written.
    pub fn is_equal(&self) -> bool {
        self.stored.as_ref().is_none_or(|stored| *stored == self.read)
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileReport {
    /// The file.
    pub file: PathBuf,
    /// Its SHA-256 in lower-case hex.
    pub sha256: String,
    /// The docket number of its matter.
    pub docket_number: String,
    /// Our id of the matter.
    pub case_id: EntityId,
    /// What became of the matter itself, or would.
    pub case: CaseOutcome,
    /// The tables, `case_info` first.
    pub tables: Vec<TableReport>,
    /// What is not imported.
    pub left_out: Vec<LeftOut>,
    /// Columns that nobody knows; their values are kept with the rows. Each as `table.column`.
    pub unknown_columns: Vec<String>,
    /// Problems, at most 10,000.
    pub problems: Vec<Problem>,
    /// How many problems there are.
    pub n_problems: u64,
    /// Whether the file was the same at the end as at the beginning.
    pub is_unchanged: bool,
}

/// Problems that are told one by one.
const N_PROBLEMS: usize = 10_000;

impl FileReport {
    /// Adds a problem.
    pub(super) fn tell(&mut self, kind: ProblemKind, table: &str, row: Option<i64>, what: String) {
        self.n_problems += 1;
        if self.problems.len() < N_PROBLEMS {
            self.problems.push(Problem { kind, table: table.to_owned(), row, what });
        }
    }

    /// Counts the rows that cannot be taken.
    pub fn n_refused(&self) -> u64 {
        self.tables.iter().map(|it| it.n_refused).sum()
    }

    /// Tells whether all that stands in the store is what was read, from a file that did not change.
    pub fn is_verified(&self) -> bool {
        self.is_unchanged && self.tables.iter().all(TableReport::is_equal)
    }
}
