//! Figures of all rows, gathered while they pass.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Float64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{ArrowError, DataType};
use datafusion_common::arrow::compute::cast;
use shared::etl::{Baseline, Check, ColumnFigures, Figure};
use shared::time::Timestamp;

use super::keys::Keys;
use super::text::text_of;

/// How many values of a column are counted one by one.
const MAX_VALUES: usize = 1000;
/// What stands for all others.
const OTHERS: &str = "…";
const DAY_MILLIS: i64 = 86_400_000;

/// Gathers the figure of one rule.
pub(super) enum Gathered {
    Rows(u64),
    Latest(Option<i64>),
    Nulls { n_null: u64, n_rows: u64 },
    Distinct(Keys),
    Numbers(Moments),
    Values(BTreeMap<String, u64>),
}

/// The mean and the spread of numbers, without keeping them. Source: B. P. Welford, "Note on a method
/// for calculating corrected sums of squares and products", Technometrics 4 (1962).
#[derive(Clone, Copy, Default)]
pub(super) struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
    sum: f64,
}

impl Moments {
    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    fn add(&mut self, value: f64) {
        self.n += 1;
        self.sum += value;
        let before = value - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (value - self.mean);
    }

    #[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
    fn deviation(&self) -> f64 {
        if self.n > 1 { (self.squares / (self.n - 1) as f64).sqrt() } else { 0.0 }
    }
}

/// What a rule of all rows found.
pub(super) struct Finding {
    /// Whether it holds; `None` when there is nothing to compare with.
    pub(super) holds: Option<bool>,
    /// The figure, and what it may be.
    pub(super) found: String,
}

impl Gathered {
    /// Begins what `check` needs; `None` when it is a check of rows.
    pub(super) fn of(check: &Check) -> Option<Self> {
        Some(match check {
            Check::RowCount(_) | Check::RowCountDrift { .. } => Self::Rows(0),
            Check::Freshness { .. } => Self::Latest(None),
            Check::Figure { figure: Figure::NullPercent, .. } => {
                Self::Nulls { n_null: 0, n_rows: 0 }
            }
            Check::Figure { figure: Figure::DistinctCount, .. } => {
                Self::Distinct(Keys::new(Check::DEFAULT_MAX_KEYS))
            }
            Check::Figure { figure: Figure::Mean | Figure::Sum, .. } | Check::MeanDrift { .. } => {
                Self::Numbers(Moments::default())
            }
            Check::DistributionDrift { .. } => Self::Values(BTreeMap::new()),
            Check::Row(_) | Check::Unique { .. } | Check::Reference { .. } => return None,
        })
    }

    /// Takes `n_rows` rows, with the column of the rule where it has one.
    ///
    /// # Errors
    ///
    /// What is wrong: more different values than can be counted.
    pub(super) fn add(&mut self, n_rows: usize, column: Option<&ArrayRef>) -> Result<(), String> {
        let Some(column) = column else {
            if let Self::Rows(n) = self {
                *n += n_rows as u64;
            }
            return Ok(());
        };
        match self {
            Self::Rows(n) => *n += n_rows as u64,
            Self::Nulls { n_null, n_rows: all } => {
                *n_null += column.null_count() as u64;
                *all += n_rows as u64;
            }
            Self::Latest(latest) => *latest = (*latest).max(latest_of(column)),
            Self::Distinct(keys) => {
                keys.add(std::slice::from_ref(column)).map_err(|_| {
                    format!("has more than {} different values", Check::DEFAULT_MAX_KEYS)
                })?;
            }
            Self::Numbers(moments) => {
                let numbers = numbers_of(column).map_err(|error| error.to_string())?;
                numbers
                    .as_primitive::<Float64Type>()
                    .iter()
                    .flatten()
                    .for_each(|it| moments.add(it));
            }
            Self::Values(counts) => {
                for row in 0..column.len() {
                    let Some(value) = text_of(column, row) else { continue };
                    let is_counted = counts.len() < MAX_VALUES || counts.contains_key(&value);
                    let name = if is_counted { value } else { OTHERS.to_owned() };
                    *counts.entry(name).or_default() += 1;
                }
            }
        }
        Ok(())
    }

    /// Decides.
    pub(super) fn conclude(
        &self,
        check: &Check,
        now: Timestamp,
        base: Option<&Baseline>,
    ) -> Finding {
        match (check, self) {
            (Check::RowCount(bounds), Self::Rows(n)) => {
                decided(Some(precise(*n)), |it| bounds.hold(it), &format!("{n} rows, {bounds}"))
            }
            (Check::Freshness { max_age, .. }, Self::Latest(latest)) => {
                let Some(latest) = latest else { return nothing("there is no value", Some(false)) };
                let at = Timestamp::from_millis(*latest);
                let age = now.since(at);
                let (age_s, max_s) = (age.as_secs(), max_age.as_secs());
                let found = format!("the latest is {at}, {age_s} s old, and at most {max_s} s");
                Finding { holds: Some(age <= *max_age), found }
            }
            (Check::Figure { bounds, figure, .. }, _) => {
                let value = self.figure(*figure);
                let text = value.map_or("no value".to_owned(), |it| it.to_string());
                decided(value, |it| bounds.hold(it), &format!("{text}, {bounds}"))
            }
            _ => self.compare(check, base),
        }
    }

    /// Decides what needs an earlier run.
    fn compare(&self, check: &Check, base: Option<&Baseline>) -> Finding {
        match (check, self) {
            (Check::RowCountDrift { max_percent }, Self::Rows(n)) => {
                let Some(base) = base else { return no_baseline() };
                let drift = base.row_count_drift(*n);
                let text = format!("{n} rows, {} before, at most {max_percent} %", base.n_rows);
                decided(drift, |it| it <= *max_percent, &text)
            }
            (Check::MeanDrift { column, max_deviations }, Self::Numbers(moments)) => {
                let Some(figures) = base.and_then(|it| it.columns.get(column)) else {
                    return no_baseline();
                };
                let drift = (moments.n > 0).then(|| figures.mean_drift(moments.mean)).flatten();
                let before = figures.mean.unwrap_or_default();
                let text = format!(
                    "{} instead of {before}, at most {max_deviations} deviations",
                    moments.mean
                );
                decided(drift, |it| it <= *max_deviations, &text)
            }
            (Check::DistributionDrift { column, max_index }, Self::Values(counts)) => {
                let Some(figures) = base.and_then(|it| it.columns.get(column)) else {
                    return no_baseline();
                };
                let index = figures.stability_index(counts);
                let text = format!("index {:.4}, at most {max_index}", index.unwrap_or_default());
                decided(index, |it| it <= *max_index, &text)
            }
            // `of` makes no other pairs.
            _ => nothing("was not gathered", None),
        }
    }

    fn figure(&self, figure: Figure) -> Option<f64> {
        match (self, figure) {
            (Self::Nulls { n_null, n_rows }, _) if *n_rows > 0 => {
                Some(precise(*n_null) * 100.0 / precise(*n_rows))
            }
            (Self::Nulls { .. }, _) => Some(0.0),
            (Self::Distinct(keys), _) => Some(precise(keys.len() as u64)),
            (Self::Numbers(moments), Figure::Sum) => Some(moments.sum),
            (Self::Numbers(moments), _) => (moments.n > 0).then_some(moments.mean),
            _ => None,
        }
    }

    /// Adds what a later run compares with.
    pub(super) fn remember(&self, check: &Check, base: &mut Baseline) {
        match (check, self) {
            (Check::RowCountDrift { .. }, Self::Rows(n)) => base.n_rows = *n,
            (Check::MeanDrift { column, .. }, Self::Numbers(moments)) if moments.n > 0 => {
                let figures: &mut ColumnFigures = base.columns.entry(column.clone()).or_default();
                figures.mean = Some(moments.mean);
                figures.deviation = Some(moments.deviation());
            }
            (Check::DistributionDrift { column, .. }, Self::Values(counts)) => {
                base.columns.entry(column.clone()).or_default().counts.clone_from(counts);
            }
            _ => {}
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rows are far fewer than 2^53")]
fn precise(n: u64) -> f64 {
    n as f64
}

fn decided(value: Option<f64>, holds: impl Fn(f64) -> bool, found: &str) -> Finding {
    match value {
        Some(value) => Finding { holds: Some(holds(value)), found: found.to_owned() },
        None => nothing(found, Some(false)),
    }
}

fn nothing(found: &str, holds: Option<bool>) -> Finding {
    Finding { holds, found: found.to_owned() }
}

fn no_baseline() -> Finding {
    nothing("there is no baseline yet", None)
}

fn numbers_of(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    cast(column, &DataType::Float64)
}

fn latest_of(column: &ArrayRef) -> Option<i64> {
    match column.data_type() {
        DataType::Date32 => {
            let latest = column.as_primitive::<Date32Type>().iter().flatten().max();
            latest.map(|it| i64::from(it) * DAY_MILLIS)
        }
        DataType::Timestamp(..) => {
            column.as_primitive::<TimestampMillisecondType>().iter().flatten().max()
        }
        _ => None,
    }
}
