//! Rules over rows, and what they remember of earlier ones.

use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, ArrayRef, BooleanArray};
use shared::etl::report::built_in;
use shared::etl::{Action, Check, Tally};

use super::compiled::RuleWork;
use super::figures::Gathered;
use super::flow::{FlowError, TakeReject};
use super::keys::Keys;
use super::rows::Rows;

/// A rule, with what it remembers.
pub(super) struct RunningRule {
    pub(super) work: RuleWork,
    /// What `unique` has seen, or what a reference may be.
    keys: Option<Keys>,
    /// The figure of a rule of all rows.
    pub(super) gathered: Option<Gathered>,
}

impl RunningRule {
    /// Begins a rule that has seen nothing.
    pub(super) fn new(work: RuleWork) -> Self {
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
pub(super) fn check(
    rules: &mut [RunningRule],
    rows: Rows,
    reject_action: Action,
    tally: &mut Tally,
    rejects: &mut dyn TakeReject,
) -> Result<Rows, FlowError> {
    let rows = check_each(rules, rows, reject_action, tally, rejects)?;
    let rows = check_remembered(rules, rows, tally, rejects)?;
    for rule in rules.iter_mut() {
        let column = rule.columns(&rows).into_iter().next();
        let Some(gathered) = &mut rule.gathered else { continue };
        let name = &rule.work.rule.name;
        let added = gathered.add(rows.len(), column.as_ref());
        added.map_err(|fault| FlowError::Limit(format!("rule `{name}`: {fault}")))?;
    }
    Ok(rows)
}

fn check_each(
    rules: &[RunningRule],
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
    Ok(rows)
}

fn check_remembered(
    rules: &mut [RunningRule],
    mut rows: Rows,
    tally: &mut Tally,
    rejects: &mut dyn TakeReject,
) -> Result<Rows, FlowError> {
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
