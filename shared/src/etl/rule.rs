//! Quality rules as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::check::Check;

/// What happens to a row that breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes on, and is counted.
    Warn,
    /// It goes no further, and is counted.
    Drop,
    /// As [`Drop`](Action::Drop), and it is written into the quarantine.
    Quarantine,
    /// The run ends, and no output is seen.
    Stop,
}

impl Action {
    /// Returns the name used in definitions and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Drop => "drop",
            Self::Quarantine => "quarantine",
            Self::Stop => "stop",
        }
    }
}

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
pub struct Percent(f64);

impl Percent {
    /// The share of rows that must pass when nothing else is said.
    pub const DEFAULT_THRESHOLD: Self = Self(99.5);

    /// Wraps a share; `None` outside 0 to 100.
    pub fn new(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self(percent))
    }

    /// Returns it, 0 to 100.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Tells whether at least this share of `n_all` is in `n_good`. Of nothing, every share is.
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    pub fn is_reached(self, n_good: u64, n_all: u64) -> bool {
        // Multiplied, not divided: 995 of 1000 are exactly 99.5 %.
        n_good as f64 * 100.0 >= self.0 * n_all as f64
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// A value that stands in a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text, a date or an instant.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction.
    Number(f64),
    /// True or false.
    Bool(bool),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(it) => f.write_str(it),
            Self::Whole(it) => it.fmt(f),
            Self::Number(it) => it.fmt(f),
            Self::Bool(it) => it.fmt(f),
        }
    }
}

/// A quality rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// What reports call it; no two rules of a pipeline have the same name.
    pub name: String,
    /// What it checks.
    pub check: Check,
    /// What happens to rows that break it.
    pub action: Action,
    /// The share of rows that must keep it, when it has one of its own.
    pub threshold: Option<Percent>,
}

impl Rule {
    /// A rule that is named by its check and its columns.
    pub fn new(check: Check, action: Action) -> Self {
        let mut name = check.as_str().to_owned();
        for column in check.columns() {
            name.push('_');
            name.push_str(column);
        }
        Self { name, check, action, threshold: None }
    }

    /// Is called `name`.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Stops the run when fewer rows keep it.
    #[must_use]
    pub fn with_threshold(self, threshold: Percent) -> Self {
        Self { threshold: Some(threshold), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etl::{ColumnTest, RowCheck};

    #[test]
    fn share_is_reached_exactly_at_its_edge() {
        let share = Percent::DEFAULT_THRESHOLD;
        assert!(share.is_reached(995, 1000) && !share.is_reached(994, 1000));
        assert!(share.is_reached(0, 0));
        assert_eq!(Percent::new(100.1), None);
        assert_eq!(Percent::new(f64::NAN), None);
    }

    #[test]
    fn rule_is_named_by_what_it_checks() {
        let check = Check::Row(RowCheck::Column(ColumnTest::NotNull, "id".to_owned()));
        assert_eq!(Rule::new(check, Action::Stop).name, "not_null_id");
    }
}
