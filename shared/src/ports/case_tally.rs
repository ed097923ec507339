//! Counts of cases by day, which metrics are made from.

use async_trait::async_trait;

use crate::auth::Sight;
use crate::error::PortError;

/// What is counted of cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaseMeasure {
    /// Cases by the day they were opened.
    Opened,
    /// Cases by the day they were closed.
    Closed,
    /// Closed cases by the day they were closed, and how long they were open. One that was closed
    /// before it was opened is left out.
    TimeToClose,
}

/// A field of cases that they are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaseDimension {
    /// Family law, contract, and so on.
    PracticeArea,
    /// The court.
    Court,
    /// The status.
    Status,
    /// The priority.
    Priority,
    /// How the case came in.
    Origin,
}

impl CaseDimension {
    /// Every one, in the order in which they are listed.
    pub const ALL: [Self; 5] =
        [Self::PracticeArea, Self::Court, Self::Status, Self::Priority, Self::Origin];

    /// Names the field, such as `practice_area`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PracticeArea => "practice_area",
            Self::Court => "court",
            Self::Status => "status",
            Self::Priority => "priority",
            Self::Origin => "origin",
        }
    }
}

/// What to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TallyQuery {
    /// What is counted.
    pub measure: CaseMeasure,
    /// By what it is grouped; `None` makes one group of all.
    pub by: Option<CaseDimension>,
    /// The first day, counted since 1970 in UTC.
    pub from_day: i64,
    /// The last day, counted likewise.
    pub until_day: i64,
}

/// What one day brought one group.
#[derive(Clone, Debug, PartialEq)]
pub struct DayTally {
    /// The value that the group has in common; `None` for cases without one, and where nothing is
    /// grouped.
    pub group: Option<String>,
    /// The day, counted since 1970 in UTC.
    pub day: i64,
    /// How many cases.
    pub n_cases: u64,
    /// For [`CaseMeasure::TimeToClose`] how long they were open together, in milliseconds; else 0.
    pub total_ms: f64,
}

/// Counts cases by day.
///
/// # Contract
///
/// - Deleted cases, and cases that `sight` does not show, are not counted.
/// - There is one row for each group and day that has a case, in no order.
#[async_trait]
pub trait CaseTally: Send + Sync {
    /// Counts.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn tally(&self, sight: &Sight, query: &TallyQuery) -> Result<Vec<DayTally>, PortError>;
}
