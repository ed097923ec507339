//! Loads of staged files into a table.

use std::collections::BTreeSet;
use std::time::Duration;

use super::name::{StatementId, TableName};
use super::{Sending, TIMEOUT};
use crate::ports::BlobKey;

/// The most files of one load. Source: Snowflake, "COPY INTO <table>", `FILES`.
pub const MAX_LOAD_FILES: usize = 1000;

/// A file that lies where the warehouse reads it. It is written once and never replaced: a warehouse
/// may load a changed file again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedFile {
    /// Its key below the stage, such as `run=42/part-000.parquet`.
    pub key: BlobKey,
    /// How many rows it holds.
    pub n_rows: u64,
    /// How long it is.
    pub n_bytes: u64,
}

/// What happens to a load that meets a bad row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// Nothing is loaded, and the error says where the row is.
    #[default]
    FailLoad,
    /// The rows without fault are loaded, and the report names each file that lacks some.
    LoadRest,
}

/// A load that is not one.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLoad {
    /// There are too many files.
    #[error("{n_files} files are more than the {MAX_LOAD_FILES} of one load: use `Load::parts`")]
    TooMany {
        /// How many files there are.
        n_files: usize,
    },
    /// A file is there twice.
    #[error("the file `{key}` is named twice")]
    Twice {
        /// The file.
        key: BlobKey,
    },
}

/// Files to load into a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    id: StatementId,
    /// Whether it may have been begun before.
    pub sending: Sending,
    target: TableName,
    files: Vec<StagedFile>,
    /// What happens when a row is bad.
    pub bad_rows: BadRows,
    /// When the warehouse gives up.
    pub timeout: Duration,
}

impl Load {
    /// Names `files` to load into `target`, at most [`MAX_LOAD_FILES`].
    ///
    /// # Errors
    ///
    /// [`InvalidLoad`] when there are more, or one of them twice.
    pub fn new(
        id: StatementId,
        target: TableName,
        files: Vec<StagedFile>,
    ) -> Result<Self, InvalidLoad> {
        if files.len() > MAX_LOAD_FILES {
            return Err(InvalidLoad::TooMany { n_files: files.len() });
        }
        let mut keys = BTreeSet::new();
        if let Some(twice) = files.iter().find(|it| !keys.insert(&it.key)) {
            return Err(InvalidLoad::Twice { key: twice.key.clone() });
        }
        let (sending, bad_rows) = (Sending::First, BadRows::FailLoad);
        Ok(Self { id, sending, target, files, bad_rows, timeout: TIMEOUT })
    }

    /// Splits any number of files into loads, each under an id of its own; none when there are none.
    ///
    /// # Errors
    ///
    /// [`InvalidLoad`] when a file is there twice.
    pub fn parts(
        id: &StatementId,
        target: &TableName,
        files: &[StagedFile],
    ) -> Result<Vec<Self>, InvalidLoad> {
        let mut keys = BTreeSet::new();
        if let Some(twice) = files.iter().find(|it| !keys.insert(&it.key)) {
            return Err(InvalidLoad::Twice { key: twice.key.clone() });
        }
        let parts = files.chunks(MAX_LOAD_FILES).enumerate();
        parts
            .map(|(idx, files)| {
                Self::new(id.part(&format!("load {idx}")), target.clone(), files.to_vec())
            })
            .collect()
    }

    /// Says whether it may have been begun before.
    #[must_use]
    pub fn sent(self, sending: Sending) -> Self {
        Self { sending, ..self }
    }

    /// Says what happens when a row is bad.
    #[must_use]
    pub fn with_bad_rows(self, bad_rows: BadRows) -> Self {
        Self { bad_rows, ..self }
    }

    /// Returns its id.
    pub fn id(&self) -> &StatementId {
        &self.id
    }

    /// Returns the table.
    pub fn target(&self) -> &TableName {
        &self.target
    }

    /// Returns the files.
    pub fn files(&self) -> &[StagedFile] {
        &self.files
    }
}

/// What is wrong with a file. The values of its rows are left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "file `{file}`{}{}{} is not fit to load: {first_error}",
    place(", line ", line.as_ref()),
    place(", row ", row.as_ref()),
    place(", column ", column.as_ref())
)]
pub struct FileFault {
    /// The file.
    pub file: String,
    /// How many rows are bad, as far as was counted.
    pub n_errors: u64,
    /// What is wrong with the first of them.
    pub first_error: String,
    /// Its line.
    pub line: Option<u64>,
    /// Its row, where a file has no lines.
    pub row: Option<u64>,
    /// Its column.
    pub column: Option<String>,
}

fn place<T: ToString>(before: &str, at: Option<&T>) -> String {
    at.map(|it| format!("{before}{}", it.to_string())).unwrap_or_default()
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileOutcome {
    /// All its rows are in the table.
    Loaded {
        /// How many rows.
        n_rows: u64,
    },
    /// It was loaded before, and not again.
    AlreadyLoaded,
    /// Some of its rows are in the table.
    Partial {
        /// How many rows.
        n_rows: u64,
        /// Why not all.
        fault: FileFault,
    },
    /// None of its rows is in the table.
    Failed {
        /// Why.
        fault: FileFault,
    },
}

/// A file of a load that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedFile {
    /// The file.
    pub key: BlobKey,
    /// What became of it.
    pub outcome: FileOutcome,
}

/// A file that did not bring all its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The file.
    pub key: BlobKey,
    /// How many rows it holds.
    pub n_staged: u64,
    /// How many of them are in the table.
    pub n_loaded: u64,
    /// Why, where the warehouse said.
    pub fault: Option<FileFault>,
}

/// What a load did: each of its files once, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// The files.
    pub files: Vec<LoadedFile>,
}

impl LoadReport {
    /// Counts the rows that this load brought.
    pub fn n_rows(&self) -> u64 {
        let rows = self.files.iter().map(|it| match it.outcome {
            FileOutcome::Loaded { n_rows } | FileOutcome::Partial { n_rows, .. } => n_rows,
            FileOutcome::AlreadyLoaded | FileOutcome::Failed { .. } => 0,
        });
        rows.sum()
    }

    /// Lists the files of `load` whose rows are not all in the table, so that none goes missing in
    /// silence. One that was loaded before is taken as whole: its rows were counted then.
    pub fn shortfalls(&self, load: &Load) -> Vec<Shortfall> {
        let outcome_of =
            |key: &BlobKey| self.files.iter().find(|it| it.key == *key).map(|it| &it.outcome);
        let short_of = |file: &StagedFile| {
            let (n_loaded, fault) = match outcome_of(&file.key) {
                Some(FileOutcome::AlreadyLoaded) => return None,
                Some(FileOutcome::Loaded { n_rows }) if *n_rows == file.n_rows => return None,
                Some(FileOutcome::Loaded { n_rows }) => (*n_rows, None),
                Some(FileOutcome::Partial { n_rows, fault }) => (*n_rows, Some(fault.clone())),
                Some(FileOutcome::Failed { fault }) => (0, Some(fault.clone())),
                None => (0, None),
            };
            Some(Shortfall { key: file.key.clone(), n_staged: file.n_rows, n_loaded, fault })
        };
        load.files.iter().filter_map(short_of).collect()
    }
}
