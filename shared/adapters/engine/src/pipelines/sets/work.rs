//! Steps over many rows with every name and type worked out.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion_expr::AggregateUDF;
use shared::etl::{JoinKind, PlannedColumn};

use crate::pipelines::source::Wanted;

/// A step over many rows.
pub(in crate::pipelines) struct SetWork {
    /// Where it stands, such as `steps.2.join`.
    pub(super) path: String,
    /// The columns before it.
    pub(super) before: SchemaRef,
    /// The columns behind it.
    pub(super) behind: SchemaRef,
    pub(super) kind: SetKind,
}

/// What it does.
pub(super) enum SetKind {
    Sort(Vec<Sorting>),
    Deduplicate { by: Vec<usize>, order: Vec<Sorting>, keeps_last: bool },
    Aggregate { by: Vec<usize>, calls: Vec<Call> },
    Join(JoinWork),
    History(HistoryWork),
}

impl SetKind {
    /// Returns the name used in definitions and messages.
    pub(super) const fn as_str(&self) -> &'static str {
        match self {
            Self::Sort(_) => "sort",
            Self::Deduplicate { .. } => "deduplicate",
            Self::Aggregate { .. } => "aggregate",
            Self::Join(_) => "join",
            Self::History(_) => "history",
        }
    }
}

/// A column that decides an order.
#[derive(Clone, Copy)]
pub(super) struct Sorting {
    pub(super) place: usize,
    pub(super) is_descending: bool,
}

impl Sorting {
    /// Small values come first.
    pub(super) const fn ascending(place: usize) -> Self {
        Self { place, is_descending: false }
    }
}

/// A function of many rows.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) function: Arc<AggregateUDF>,
    /// The column it works on; `None` for `count(*)`.
    pub(super) place: Option<usize>,
    /// The column that is true for the rows it sees.
    pub(super) filter: Option<usize>,
    pub(super) is_distinct: bool,
    /// What it gives.
    pub(super) column: PlannedColumn,
}

/// A match with another file.
#[derive(Clone)]
pub(super) struct JoinWork {
    pub(super) with: Wanted,
    pub(super) kind: JoinKind,
    /// Our columns that must be the same, and their names.
    pub(super) ours: Vec<usize>,
    pub(super) our_names: Vec<String>,
    /// The columns of the other file that are needed.
    pub(super) needed: Vec<usize>,
    /// Among those that are needed: the ones that must be the same.
    pub(super) theirs: Vec<usize>,
    /// Among those that are needed: the ones that rows get.
    pub(super) taken: Vec<usize>,
    pub(super) is_lookup: bool,
}

/// Versions.
#[derive(Clone)]
pub(super) struct HistoryWork {
    pub(super) key: Vec<usize>,
    pub(super) compare: Vec<usize>,
    /// The column that tells from when a row holds.
    pub(super) from: usize,
    /// The file of the versions so far, with all columns behind the step.
    pub(super) against: Wanted,
}
