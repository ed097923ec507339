//! What a run did, and whether its output may be seen.

use serde::{Deserialize, Serialize};

use super::fault::PipelineFault;
use super::place::Place;
use super::rule::Action;
use crate::error::PortError;
use crate::ports::Sha256Digest;
use crate::time::Timestamp;

/// What rejects of a row are called that no rule of the author's made.
pub mod built_in {
    /// The row of a text file has too few or too many values, or is not UTF-8.
    pub const ROW: &str = "row";
    /// A value is not of the kind of its column.
    pub const TYPE: &str = "type";
    /// A column that is required has no value.
    pub const REQUIRED: &str = "required";
    /// An expression cannot be worked out, such as a division by zero.
    pub const EXPRESSION: &str = "expression";

    /// A row finds more than one row in a file that has at most one of each key.
    pub const LOOKUP: &str = "lookup";
    /// A row of a history has no key, or no time from which it holds.
    pub const HISTORY: &str = "history";

    /// All of them.
    pub const ALL: [&str; 6] = [ROW, TYPE, REQUIRED, EXPRESSION, LOOKUP, HISTORY];
}

/// A row that broke a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The values of the key columns, parted by `|`.
    pub key: String,
    /// Where the row stands in the source, from 1: the line of a text file, else its number. Of a group
    /// that of its first row, and 0 of a version that a history had before.
    pub line: u64,
    /// The rule it broke.
    pub rule: String,
    /// The columns that are to blame, parted by `,`.
    pub column: String,
    /// Their values, parted by `|`.
    pub value: String,
    /// What is wrong.
    pub reason: String,
}

/// What became of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RuleReport {
    /// Its name.
    pub rule: String,
    /// What happens to rows that break it.
    pub action: Action,
    /// How many rows were checked.
    pub n_checked: u64,
    /// How many of them broke it; of a rule of all rows 1 when it does not hold.
    pub n_failed: u64,
    /// The figure of a rule of all rows, and what it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// What became of a step over many rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetReport {
    /// Where it stands, such as `steps.2`.
    pub step: String,
    /// What it does, such as `join`.
    pub does: String,
    /// Rows that came to it.
    pub n_in: u64,
    /// Rows that it gave.
    pub n_out: u64,
    /// How much of them was put on disk, in bytes; 0 when memory was enough.
    pub spilled_bytes: u64,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Whether the output may be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every rule was kept, or rows that broke one were taken out.
    Passed,
    /// As [`Passed`](Verdict::Passed), and a rule that only warns was broken.
    Warned,
    /// The gate is shut: no output is seen.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// A file that a run wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutputFile {
    /// Where it is.
    pub at: String,
    /// How many rows it has.
    pub n_rows: u64,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// The digest of all its bytes.
    #[serde(serialize_with = "as_text")]
    pub sha256: Sha256Digest,
}

/// Rows that a run wrote into a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenTable {
    /// Where it is.
    pub at: String,
    /// How they were written, such as `merge`.
    pub write: &'static str,
    /// How many rows the run gave.
    pub n_rows: u64,
    /// How many of them came in.
    pub n_new: u64,
    /// How many took the place of another. The others were there already, the same.
    pub n_changed: u64,
    /// Whether the same run had appended them before, so that they were not appended again.
    pub was_there: bool,
}

fn as_text<S: serde::Serializer>(it: &Sha256Digest, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(it)
}

/// What a run did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// The pipeline.
    pub pipeline: String,
    /// Whether the output may be seen.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Whether nothing was to be written.
    pub is_dry_run: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Rows that were read.
    pub n_read: u64,
    /// Rows that a filter took out.
    pub n_filtered: u64,
    /// Rows that broke a rule and were taken out; each counts once.
    pub n_rejected: u64,
    /// Rows for the sink.
    pub n_out: u64,
    /// The share of rows that were not rejected, in percent; the least one where steps over many rows
    /// part the pipeline.
    pub passed_percent: f64,
    /// The share that must be reached.
    pub threshold_percent: f64,
    /// The rules, and what was checked without one.
    pub rules: Vec<RuleReport>,
    /// The steps over many rows, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<SetReport>,
    /// Columns of the source that the pipeline does not read.
    pub unread_columns: Vec<String>,
    /// What was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputFile>,
    /// What was written into a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<WrittenTable>,
    /// The rejects, where they were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<OutputFile>,
    /// The first rejects, as many as were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Reject>,
}

impl RunReport {
    /// Tells whether the gate is open.
    pub fn is_passed(&self) -> bool {
        !matches!(self.verdict, Verdict::Stopped { .. })
    }

    /// Returns where rows were written.
    pub fn written_at(&self) -> Option<&str> {
        let file = self.output.as_ref().map(|it| it.at.as_str());
        file.or(self.table.as_ref().map(|it| it.at.as_str()))
    }
}

/// Why a run came to no verdict. No output is seen.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The pipeline cannot be used as it is.
    #[error("the pipeline has {} faults", .0.len())]
    Invalid(Vec<PipelineFault>),
    /// A store failed.
    #[error("the {what} `{at}`")]
    Store {
        /// What was used: the source, the sink.
        what: &'static str,
        /// Where it is.
        at: String,
        /// The cause.
        source: Box<PortError>,
    },
    /// The caller ended the run.
    #[error("the run was ended before its output was seen")]
    Stopped,
    /// A source is not what the pipeline says, or a limit of it was passed.
    #[error("`{at}`: {text}")]
    Unfit {
        /// Where it is.
        at: String,
        /// What is wrong, and the way out.
        text: String,
    },
}

impl PipelineError {
    /// Reports that the store of `what` at `at` failed.
    pub fn store(what: &'static str, at: &Place, source: PortError) -> Self {
        Self::Store { what, at: at.to_string(), source: Box::new(source) }
    }
}
