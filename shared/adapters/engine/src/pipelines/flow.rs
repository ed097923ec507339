//! Rows on their way through the steps.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{Array, ArrayRef, BooleanArray};
use arrow_schema::{ArrowError, DataType};
use datafusion_common::arrow::compute::{CastOptions, cast_with_options};
use shared::etl::report::built_in;
use shared::etl::{Action, Check, ColumnKind, Reject, Tally, ValueFormat};

use super::compiled::{RuleWork, Work};
use super::figures::Gathered;
use super::keys::Keys;
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

/// A rule, with what it remembers.
pub(super) struct RunningRule {
    pub(super) work: RuleWork,
    /// What `unique` has seen, or what a reference may be.
    keys: Option<Keys>,
    /// The figure of a rule of all rows.
    pub(super) gathered: Option<Gathered>,
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
        Work::Filter(worked) => {
            let (value, failed) = rows.work_out(&*worked.expression)?;
            let kept = value.as_boolean();
            let n_before = rows.len();
            let blamed = Blamed::of(rows, worked, failed);
            // Rows that failed stay until they are rejected.
            let is_kept: BooleanArray = match blamed.failed.is_empty() {
                true => kept.clone(),
                false => {
                    let is_failed = |row| blamed.failed.iter().any(|it| it.row == row);
                    let is_true = |row| kept.is_valid(row) && kept.value(row);
                    (0..n_before).map(|row| Some(is_true(row) || is_failed(row))).collect()
                }
            };
            let blamed = moved(blamed, &is_kept);
            *rows = rows.clone().keep(&is_kept)?;
            tally.n_filtered += (n_before - rows.len()) as u64;
            Ok(blamed)
        }
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
        Work::Check(_) => Ok(Blamed::nobody()),
    }
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

impl RunningRule {
    fn new(work: RuleWork) -> Self {
        let keys = match &work.rule.check {
            Check::Unique { max_keys, .. } | Check::Reference { max_keys, .. } => {
                Some(Keys::new(*max_keys))
            }
            _ => None,
        };
        let gathered = Gathered::of(&work.rule.check);
        Self { work, keys, gathered }
    }

    /// Remembers values that a reference may have.
    ///
    /// # Errors
    ///
    /// [`FlowError::Limit`].
    pub(super) fn remember(&mut self, columns: &[ArrayRef]) -> Result<(), FlowError> {
        let Self { work, keys: Some(keys), .. } = self else { return Ok(()) };
        match keys.add(columns) {
            Ok(_) => Ok(()),
            Err(_) => Err(too_many(work)),
        }
    }

    fn columns(&self, rows: &Rows) -> Vec<ArrayRef> {
        let places = self.work.places.iter();
        places.filter_map(|it| rows.batch.columns().get(*it).cloned()).collect()
    }

    /// Tells of each row whether it breaks the rule.
    fn broken(&mut self, rows: &Rows) -> Result<Vec<bool>, FlowError> {
        let columns = self.columns(rows);
        let Self { work, keys: Some(keys), .. } = self else { return Ok(Vec::new()) };
        Ok(match &work.rule.check {
            Check::Unique { is_sorted: true, .. } => keys.add_sorted(&columns),
            Check::Unique { .. } => keys.add(&columns).map_err(|_| too_many(work))?,
            _ => keys.know(&columns).into_iter().map(|it| !it).collect(),
        })
    }
}

fn too_many(work: &RuleWork) -> FlowError {
    let name = &work.rule.name;
    FlowError::Limit(match &work.rule.check {
        Check::Unique { max_keys, .. } => format!(
            "rule `{name}` would remember more than {max_keys} values: raise `max_keys` (about 50 \
             bytes each), or sort the rows and write `sorted: true`"
        ),
        _ => format!("rule `{name}` would remember more values than `max_keys`: raise it"),
    })
}

/// Sends rows through the rules: first those of rows by themselves, then those that remember, each of
/// them over what is left.
fn check(
    rules: &mut [RunningRule],
    mut rows: Rows,
    reject_action: Action,
    tally: &mut Tally,
    rejects: &mut dyn TakeReject,
) -> Result<Rows, FlowError> {
    let mut is_kept = vec![true; rows.len()];
    let mut n_out = 0;
    for rule in rules.iter() {
        let Some(worked) = &rule.work.worked else { continue };
        let (value, failed) = rows.work_out(&*worked.expression)?;
        let holds = value.as_boolean();
        let n_broken = holds.false_count();
        tally.count(&rule.work.rule.name, rows.len() as u64, n_broken as u64);
        if n_broken > 0 {
            let broken = (0..rows.len()).filter(|row| holds.is_valid(*row) && !holds.value(*row));
            n_out += put_out(&rule.work, broken, &rows, &mut is_kept, rejects);
        }
        if !failed.is_empty() {
            tally.count(built_in::EXPRESSION, rows.len() as u64, failed.len() as u64);
        }
        for failed in failed {
            let columns = rule.work.columns.iter().map(String::as_str);
            let reject = rows.reject(failed.row, built_in::EXPRESSION, columns, failed.reason);
            rejects.take(reject, reject_action);
            n_out += take_out(&mut is_kept, failed.row);
        }
    }
    if n_out > 0 {
        tally.n_rejected += n_out;
        rows = rows.keep(&BooleanArray::from(is_kept))?;
    }
    for rule in rules.iter_mut().filter(|it| it.keys.is_some()) {
        let broken = rule.broken(&rows)?;
        let n_broken = broken.iter().filter(|it| **it).count();
        tally.count(&rule.work.rule.name, rows.len() as u64, n_broken as u64);
        if n_broken == 0 {
            continue;
        }
        let mut is_kept = vec![true; rows.len()];
        let broken = broken.iter().enumerate().filter(|(_, it)| **it).map(|(row, _)| row);
        let n_out = put_out(&rule.work, broken, &rows, &mut is_kept, rejects);
        tally.n_rejected += n_out;
        rows = rows.keep(&BooleanArray::from(is_kept))?;
    }
    for rule in rules.iter_mut() {
        let column = rule.columns(&rows).into_iter().next();
        let Some(gathered) = &mut rule.gathered else { continue };
        let name = &rule.work.rule.name;
        let added = gathered.add(rows.len(), column.as_ref());
        added.map_err(|fault| FlowError::Limit(format!("rule `{name}`: {fault}")))?;
    }
    Ok(rows)
}

/// Tells of rows that break a rule, and takes them out unless it only warns. Returns how many were not
/// out before.
fn put_out(
    work: &RuleWork,
    broken: impl Iterator<Item = usize>,
    rows: &Rows,
    is_kept: &mut [bool],
    rejects: &mut dyn TakeReject,
) -> u64 {
    let RuleWork { rule, columns, .. } = work;
    let mut n_out = 0;
    for row in broken {
        let columns = columns.iter().map(String::as_str);
        rejects.take(rows.reject(row, &rule.name, columns, rule.check.complaint()), rule.action);
        if rule.action != Action::Warn {
            n_out += take_out(is_kept, row);
        }
    }
    n_out
}

fn take_out(is_kept: &mut [bool], row: usize) -> u64 {
    is_kept.get_mut(row).map_or(0, |it| u64::from(std::mem::replace(it, false)))
}
