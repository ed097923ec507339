//! What is done to rows, one step after the other.

use super::fault::Located;
use super::kind::{ColumnKind, ValueFormat};
use super::rule::Rule;
use super::sets::{Aggregate, Deduplicate, History, Join, OrderBy};

/// One step. Each sees the columns that the one before it left.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Only rows for which the expression is true go on; the others are no rejects.
    Filter(String),
    /// A column is added, or takes the place of one of its name.
    Derive {
        /// Its name.
        column: String,
        /// What it holds.
        expression: String,
    },
    /// A column becomes one of another kind. A row whose value cannot is rejected.
    Convert {
        /// Its name.
        column: String,
        /// What it holds then.
        kind: ColumnKind,
        /// How its text is written, where it is text now.
        format: ValueFormat,
    },
    /// A column gets another name.
    Rename {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// Only these columns go on, in this order.
    Select(Vec<String>),
    /// These columns go no further.
    Drop(Vec<String>),
    /// Rows are checked.
    Check(Vec<Located<Rule>>),
    /// Rows are matched with those of another file.
    Join(Join),
    /// Rows become one for each group of them.
    Aggregate(Aggregate),
    /// One row of each key is kept.
    Deduplicate(Deduplicate),
    /// Rows come in this order; equal ones as they came.
    Sort(Vec<OrderBy>),
    /// Rows become versions with the time in which they held.
    History(History),
}

impl Step {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Derive { .. } => "derive",
            Self::Convert { .. } => "convert",
            Self::Rename { .. } => "rename",
            Self::Select(_) => "select",
            Self::Drop(_) => "drop",
            Self::Check(_) => "check",
            Self::Join(_) => "join",
            Self::Aggregate(_) => "aggregate",
            Self::Deduplicate(_) => "deduplicate",
            Self::Sort(_) => "sort",
            Self::History(_) => "history",
        }
    }
}
