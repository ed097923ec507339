//! What quality rules check.

use std::fmt;
use std::time::Duration;

use super::kind::SourceColumn;
use super::place::{FileForm, Place};
use super::rule::Scalar;

/// What the value of one column must be, without anything more to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnTest {
    /// There is one.
    NotNull,
    /// There is none.
    Null,
    /// It is not only spaces.
    NotBlank,
    /// It has no spaces around it.
    Trimmed,
    /// It has the form of an address of mail.
    Email,
    /// It has the form of an address of the web.
    Url,
    /// It has the form of a UUID.
    Uuid,
    /// It has the form of an id of Salesforce, of 15 or 18 characters.
    SalesforceId,
    /// It is not later than the run.
    NotInFuture,
}

impl ColumnTest {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::NotNull,
        Self::Null,
        Self::NotBlank,
        Self::Trimmed,
        Self::Email,
        Self::Url,
        Self::Uuid,
        Self::SalesforceId,
        Self::NotInFuture,
    ];

    /// Returns the name used in definitions and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNull => "not_null",
            Self::Null => "null",
            Self::NotBlank => "not_blank",
            Self::Trimmed => "trimmed",
            Self::Email => "email",
            Self::Url => "url",
            Self::Uuid => "uuid",
            Self::SalesforceId => "salesforce_id",
            Self::NotInFuture => "not_in_future",
        }
    }
}

/// How two columns compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Reads an operator of SQL.
    pub fn parse(raw: &str) -> Option<Self> {
        Some(match raw {
            "=" => Self::Equal,
            "<>" | "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Returns the operator of SQL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }
}

/// What a figure of all rows may be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bounds {
    /// At least so much.
    pub min: Option<f64>,
    /// At most so much.
    pub max: Option<f64>,
}

impl Bounds {
    /// Tells whether `value` lies between them.
    pub fn hold(self, value: f64) -> bool {
        self.min.is_none_or(|it| value >= it) && self.max.is_none_or(|it| value <= it)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (Some(min), Some(max)) => write!(f, "{min} to {max}"),
            (Some(min), None) => write!(f, "at least {min}"),
            (None, Some(max)) => write!(f, "at most {max}"),
            (None, None) => f.write_str("anything"),
        }
    }
}

/// A figure of a column over all rows that pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The share of rows without a value, in percent.
    NullPercent,
    /// How many different values there are.
    DistinctCount,
    /// The mean of the values.
    Mean,
    /// The sum of the values.
    Sum,
}

impl Figure {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NullPercent => "null_percent",
            Self::DistinctCount => "distinct_count",
            Self::Mean => "mean",
            Self::Sum => "sum",
        }
    }
}

/// A check of each row by itself: an expression decides it. A row for which it is neither true nor false,
/// as with a missing value, passes.
#[derive(Clone, Debug, PartialEq)]
pub enum RowCheck {
    /// One column alone.
    Column(ColumnTest, String),
    /// The value is one of these.
    AcceptedValues {
        /// The column.
        column: String,
        /// The values.
        values: Vec<Scalar>,
        /// Whether small and capital letters are the same.
        ignores_case: bool,
    },
    /// The value is none of these.
    RefusedValues {
        /// The column.
        column: String,
        /// The values.
        values: Vec<Scalar>,
    },
    /// The value lies between these, both included.
    Range {
        /// The column.
        column: String,
        /// At least so much.
        min: Option<Scalar>,
        /// At most so much.
        max: Option<Scalar>,
    },
    /// The text has so many characters.
    Length {
        /// The column.
        column: String,
        /// At least so many.
        min: Option<u32>,
        /// At most so many.
        max: Option<u32>,
    },
    /// The text has a part of this form, or has none.
    Pattern {
        /// The column.
        column: String,
        /// A regular expression.
        pattern: String,
        /// Whether it must be there.
        is_wanted: bool,
    },
    /// One column compared with another.
    Compare {
        /// The left one.
        left: String,
        /// How.
        operator: Comparison,
        /// The right one.
        right: String,
    },
    /// At least one of the columns has a value.
    AtLeastOne(Vec<String>),
    /// Exactly one of the columns has a value.
    ExactlyOne(Vec<String>),
    /// The author's own.
    Expression(String),
}

/// The values that a reference may have: those of a column of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceSet {
    /// The file.
    pub at: Place,
    /// How it is written.
    pub form: FileForm,
    /// Its column, in the kind of the column that refers to it.
    pub column: SourceColumn,
}

/// What a rule checks.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Each row by itself.
    Row(RowCheck),
    /// No two rows have the same values in these columns. The first of them passes.
    Unique {
        /// The columns.
        columns: Vec<String>,
        /// Whether rows with the same values follow each other, so that only the last is remembered.
        is_sorted: bool,
        /// So many different values are remembered at most; with more the run fails.
        max_keys: usize,
    },
    /// The value is in another file.
    Reference {
        /// The column.
        column: String,
        /// Where its values must be.
        to: ReferenceSet,
        /// So many values of the other file are remembered at most; with more the run fails.
        max_keys: usize,
    },
    /// How many rows pass.
    RowCount(Bounds),
    /// The latest value is not older than this.
    Freshness {
        /// The column, a date or an instant.
        column: String,
        /// The age.
        max_age: Duration,
    },
    /// A figure of a column.
    Figure {
        /// The column.
        column: String,
        /// Which.
        figure: Figure,
        /// What it may be.
        bounds: Bounds,
    },
    /// How far the number of rows may move from the baseline, in percent of it.
    RowCountDrift {
        /// At most so far.
        max_percent: f64,
    },
    /// How far the mean of a column may move from the baseline, in standard deviations of it.
    MeanDrift {
        /// The column, of numbers.
        column: String,
        /// At most so far.
        max_deviations: f64,
    },
    /// How far the shares of a column's values may move from the baseline: the population stability
    /// index, where 0.1 is a small change and 0.25 a large one.
    DistributionDrift {
        /// The column.
        column: String,
        /// At most so far.
        max_index: f64,
    },
}

impl Check {
    /// How many keys are remembered when nothing else is said: about 100 MB.
    pub const DEFAULT_MAX_KEYS: usize = 2_000_000;

    /// Returns the name used in definitions and messages.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Row(RowCheck::Column(test, _)) => test.as_str(),
            Self::Row(RowCheck::AcceptedValues { .. }) => "accepted_values",
            Self::Row(RowCheck::RefusedValues { .. }) => "refused_values",
            Self::Row(RowCheck::Range { .. }) => "range",
            Self::Row(RowCheck::Length { .. }) => "length",
            Self::Row(RowCheck::Pattern { is_wanted: true, .. }) => "regex",
            Self::Row(RowCheck::Pattern { .. }) => "not_regex",
            Self::Row(RowCheck::Compare { .. }) => "compare",
            Self::Row(RowCheck::AtLeastOne(_)) => "at_least_one",
            Self::Row(RowCheck::ExactlyOne(_)) => "exactly_one",
            Self::Row(RowCheck::Expression(_)) => "expression",
            Self::Unique { .. } => "unique",
            Self::Reference { .. } => "reference",
            Self::RowCount(_) => "row_count",
            Self::Freshness { .. } => "freshness",
            Self::Figure { figure, .. } => figure.as_str(),
            Self::RowCountDrift { .. } => "row_count_drift",
            Self::MeanDrift { .. } => "mean_drift",
            Self::DistributionDrift { .. } => "distribution_drift",
        }
    }

    /// Says what is wrong with a row that breaks it.
    pub fn complaint(&self) -> String {
        match self {
            Self::Row(row) => row.complaint(),
            Self::Unique { .. } => "a row before it has the same".to_owned(),
            Self::Reference { to, .. } => format!("is not in `{}` of `{}`", to.column.from, to.at),
            _ => "does not hold".to_owned(),
        }
    }

    /// Tells whether it is decided at the end, for all rows together.
    pub const fn is_of_all_rows(&self) -> bool {
        !matches!(self, Self::Row(_) | Self::Unique { .. } | Self::Reference { .. })
    }

    /// Tells whether it compares with an earlier run.
    pub const fn needs_baseline(&self) -> bool {
        matches!(
            self,
            Self::RowCountDrift { .. } | Self::MeanDrift { .. } | Self::DistributionDrift { .. }
        )
    }

    /// Returns the columns it looks at; of an expression only the engine knows them.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Row(row) => row.columns(),
            Self::Unique { columns, .. } => columns.iter().map(String::as_str).collect(),
            Self::Reference { column, .. }
            | Self::Freshness { column, .. }
            | Self::Figure { column, .. }
            | Self::MeanDrift { column, .. }
            | Self::DistributionDrift { column, .. } => vec![column],
            Self::RowCount(_) | Self::RowCountDrift { .. } => Vec::new(),
        }
    }
}

impl RowCheck {
    /// As [`Check::columns`].
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Column(_, column)
            | Self::AcceptedValues { column, .. }
            | Self::RefusedValues { column, .. }
            | Self::Range { column, .. }
            | Self::Length { column, .. }
            | Self::Pattern { column, .. } => vec![column],
            Self::Compare { left, right, .. } => vec![left, right],
            Self::AtLeastOne(columns) | Self::ExactlyOne(columns) => {
                columns.iter().map(String::as_str).collect()
            }
            Self::Expression(_) => Vec::new(),
        }
    }
}
