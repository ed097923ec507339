//! Rows on their way through the steps.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_schema::{ArrowError, DataType};
use datafusion_common::arrow::compute::{CastOptions, cast_with_options};
use shared::etl::report::built_in;
use shared::etl::{Action, ColumnKind, Reject, Tally, ValueFormat};

use super::checks::{RunningRule, check};
use super::compiled::Work;
use super::kinds::data_type;
use super::language::Worked;
use super::rows::{Failed, Rows};
use super::text::ColumnReader;

/// The steps, with what they remember of earlier rows.
pub(super) struct Flow {
    steps: Vec<FlowStep>,
    reject_action: Action,
}

enum FlowStep {
    Work(Work),
    Check(Vec<RunningRule>),
}

/// Takes rejects, with the action of their rule.
pub(super) trait TakeReject {
    fn take(&mut self, reject: Reject, action: Action);
}

/// Why rows cannot be worked on.
#[derive(Debug, thiserror::Error)]
pub(super) enum FlowError {
    #[error("the batch cannot be worked on")]
    Arrow(#[from] ArrowError),
    #[error("{0}")]
    Limit(String),
}

impl Flow {
    /// Begins with steps that nothing has passed.
    pub(super) fn new(work: Vec<Work>, reject_action: Action) -> Self {
        let step = |work| match work {
            Work::Check(rules) => {
                FlowStep::Check(rules.into_iter().map(RunningRule::new).collect())
            }
            other => FlowStep::Work(other),
        };
        Self { steps: work.into_iter().map(step).collect(), reject_action }
    }

    /// Lists its rules.
    pub(super) fn rules_mut(&mut self) -> impl Iterator<Item = &mut RunningRule> {
        self.steps.iter_mut().flat_map(|step| match step {
            FlowStep::Check(rules) => rules.as_mut_slice(),
            FlowStep::Work(_) => &mut [],
        })
    }

    /// Lists its rules.
    pub(super) fn rules(&self) -> impl Iterator<Item = &RunningRule> {
        self.steps.iter().flat_map(|step| match step {
            FlowStep::Check(rules) => rules.as_slice(),
            FlowStep::Work(_) => &[],
        })
    }

    /// Leaves out rules of all rows, and those that refer to other files.
    pub(super) fn without_surroundings(&mut self) {
        for step in &mut self.steps {
            if let FlowStep::Check(rules) = step {
                rules.retain(|it| it.work.reference.is_none() && it.gathered.is_none());
            }
        }
    }

    /// Sends rows through all steps.
    ///
    /// # Errors
    ///
    /// [`FlowError`] when a rule would have to remember more than it may.
    pub(super) fn pass(
        &mut self,
        mut rows: Rows,
        tally: &mut Tally,
        rejects: &mut dyn TakeReject,
    ) -> Result<Rows, FlowError> {
        for step in &mut self.steps {
            let failed = match step {
                FlowStep::Check(rules) => {
                    rows = check(rules, rows, self.reject_action, tally, rejects)?;
                    continue;
                }
                FlowStep::Work(work) => work_on(work, &mut rows, tally)?,
            };
            rows = drop_failed(rows, failed, self.reject_action, tally, rejects)?;
        }
        Ok(rows)
    }
}

/// Rows that cannot go on, with what to blame.
struct Blamed {
    failed: Vec<Failed>,
    rule: &'static str,
    /// Their rejects, made before the columns changed.
    made: Vec<Reject>,
}

impl Blamed {
    fn nobody() -> Self {
        Self { failed: Vec::new(), rule: built_in::EXPRESSION, made: Vec::new() }
    }

    fn of(rows: &Rows, worked: &Worked, failed: Vec<Failed>) -> Self {
        let columns: Vec<String> = worked.columns.iter().cloned().collect();
        Self::with(rows, &columns, built_in::EXPRESSION, failed)
    }

    fn with(rows: &Rows, columns: &[String], rule: &'static str, failed: Vec<Failed>) -> Self {
        let names = || columns.iter().map(String::as_str);
        let made = failed.iter().map(|it| rows.reject(it.row, rule, names(), it.reason.clone()));
        let made = made.collect();
        Self { failed, rule, made }
    }
}

fn work_on(work: &Work, rows: &mut Rows, tally: &mut Tally) -> Result<Blamed, FlowError> {
    match work {
        Work::Filter(worked) => filter_rows(worked, rows, tally),
        Work::Derive { place, worked, schema } => {
            let (value, failed) = rows.work_out(&*worked.expression)?;
            let blamed = Blamed::of(rows, worked, failed);
            let mut columns = rows.batch.columns().to_vec();
            match place.and_then(|it| columns.get_mut(it)) {
                Some(column) => *column = value,
                None => columns.push(value),
            }
            *rows = rows.clone().with_columns(schema, columns)?;
            Ok(blamed)
        }
        Work::Convert { place, kind, format, schema } => {
            let mut columns = rows.batch.columns().to_vec();
            let Some(column) = columns.get_mut(*place) else { return Ok(Blamed::nobody()) };
            let converted = convert(column, *kind, format)?;
            let is_lost = |row: &usize| column.is_valid(*row) && converted.is_null(*row);
            let reason = || format!("is no {kind}");
            let failed = (0..rows.len()).filter(is_lost);
            let failed = failed.map(|row| Failed { row, reason: reason() }).collect();
            *column = converted;
            let name = schema.fields().get(*place).map(|it| it.name().clone());
            let names: Vec<String> = name.into_iter().collect();
            let blamed = Blamed::with(rows, &names, built_in::TYPE, failed);
            *rows = rows.clone().with_columns(schema, columns)?;
            Ok(blamed)
        }
        Work::Arrange { places, schema } => {
            let columns = rows.batch.columns();
            let columns = places.iter().filter_map(|it| columns.get(*it).cloned()).collect();
            *rows = rows.clone().with_columns(schema, columns)?;
            Ok(Blamed::nobody())
        }
        Work::Check(_) | Work::Set(_) => Ok(Blamed::nobody()),
    }
}

fn filter_rows(worked: &Worked, rows: &mut Rows, tally: &mut Tally) -> Result<Blamed, FlowError> {
    let (value, failed) = rows.work_out(&*worked.expression)?;
    let kept = value.as_boolean();
    let n_before = rows.len();
    let blamed = Blamed::of(rows, worked, failed);
    // Rows that failed stay until they are rejected.
    let is_kept: BooleanArray = match blamed.failed.is_empty() {
        true => kept.clone(),
        false => {
            let failed = &blamed.failed;
            let is_failed = |row| failed.binary_search_by_key(&row, |it| it.row).is_ok();
            let is_true = |row| kept.is_valid(row) && kept.value(row);
            (0..n_before).map(|row| Some(is_true(row) || is_failed(row))).collect()
        }
    };
    let blamed = moved(blamed, &is_kept);
    *rows = rows.clone().keep(&is_kept)?;
    tally.n_filtered += (n_before - rows.len()) as u64;
    Ok(blamed)
}

/// Finds the rows that failed among those that are kept.
fn moved(blamed: Blamed, is_kept: &BooleanArray) -> Blamed {
    let place = |row: usize| is_kept.slice(0, row).true_count();
    let failed = blamed.failed.into_iter();
    let failed = failed.map(|it| Failed { row: place(it.row), reason: it.reason }).collect();
    Blamed { failed, ..blamed }
}

fn convert(
    column: &ArrayRef,
    kind: ColumnKind,
    format: &ValueFormat,
) -> Result<ArrayRef, ArrowError> {
    if *column.data_type() != DataType::Utf8 || kind == ColumnKind::Text {
        if kind == ColumnKind::Text {
            let text = (0..column.len()).map(|row| super::text::text_of(column, row));
            return Ok(Arc::new(text.collect::<arrow_array::StringArray>()));
        }
        let options = CastOptions { safe: true, ..CastOptions::default() };
        return cast_with_options(column, &data_type(kind), &options);
    }
    let mut reader = ColumnReader::new(kind, format.clone())?;
    for text in column.as_string::<i32>() {
        match text {
            // What does not fit has no value, and is rejected for it.
            Some(text) => drop(reader.push(text)),
            None => reader.push_null(),
        }
    }
    Ok(reader.finish())
}

fn drop_failed(
    rows: Rows,
    blamed: Blamed,
    action: Action,
    tally: &mut Tally,
    rejects: &mut dyn TakeReject,
) -> Result<Rows, FlowError> {
    if blamed.failed.is_empty() {
        return Ok(rows);
    }
    let n_failed = blamed.failed.len() as u64;
    tally.count(blamed.rule, rows.len() as u64, n_failed);
    tally.n_rejected += n_failed;
    let mut is_kept = vec![true; rows.len()];
    for failed in &blamed.failed {
        if let Some(kept) = is_kept.get_mut(failed.row) {
            *kept = false;
        }
    }
    blamed.made.into_iter().for_each(|it| rejects.take(it, action));
    Ok(rows.keep(&BooleanArray::from(is_kept))?)
}
