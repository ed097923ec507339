//! Runs a checked query.

use std::cmp::Ordering;
use std::ops::Bound;

use super::condition::{Test, order};
use super::plan::{Key, Output, Plan};
use super::render;
use crate::ids::RecordId;
use crate::org::{Org, Row, Value};

/// Rows of a query, to be written page by page.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Their ids, in the order of the answer.
    pub(crate) ids: Vec<RecordId>,
}

/// What a query found.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Only a number.
    Count(usize),
    /// Rows.
    Rows(Found),
    /// Groups, each already written as JSON.
    Groups(Vec<String>),
}

impl Plan {
    /// Runs the query.
    #[must_use]
    pub(crate) fn run(&self, org: &Org) -> Answer {
        match &self.output {
            Output::Count => Answer::Count(self.rows(org).len()),
            Output::Rows(_) => {
                Answer::Rows(Found { ids: self.rows(org).into_iter().map(|row| row.id).collect() })
            }
            Output::Groups { by, columns, having } => {
                Answer::Groups(super::aggregate::run(self, org, by, columns, having.as_ref()))
            }
        }
    }

    /// Writes one row of the answer as JSON.
    pub(crate) fn write_row(&self, org: &Org, id: RecordId, version: &str, into: &mut String) {
        if let Output::Rows(shape) = &self.output
            && let Some(row) = org.table(&self.object.name).and_then(|table| table.row(id))
        {
            render::row(org, &self.object, shape, row, version, into);
        }
    }

    /// Returns the values of the first selected field, for IN over a query.
    pub(super) fn first_column(&self, org: &Org) -> Vec<Value> {
        let Output::Rows(shape) = &self.output else { return Vec::new() };
        let Some(position) = shape.first_position() else { return Vec::new() };
        self.rows(org).into_iter().map(|row| row.get(position).clone()).collect()
    }

    /// Returns the rows that fulfil the condition, in order.
    pub(super) fn rows<'a>(&self, org: &'a Org) -> Vec<&'a Row> {
        let Some(table) = org.table(&self.object.name) else { return Vec::new() };
        let test = self.test.as_ref();
        let (from, until) = test.map_or((i64::MIN, i64::MAX), Test::modstamp_bounds);
        let by_modstamp = self.is_ordered_by("SystemModstamp");
        if let Some(ids) = test.and_then(Test::ids) {
            return self.select(org, ids.into_iter().filter_map(|id| table.row(id)), false);
        }
        if from != i64::MIN || until != i64::MAX || by_modstamp {
            return self.select(org, table.changed_in(from..until), by_modstamp);
        }
        let (first, last) = test.map_or((Bound::Unbounded, Bound::Unbounded), Test::id_bounds);
        self.select(org, table.rows_between(first, last), self.is_ordered_by("Id"))
    }

    /// Picks those of `candidates` that fulfil the condition, and brings them into order.
    ///
    /// Candidates that come in the order of the answer are only read as far as LIMIT needs them.
    pub(super) fn select<'a>(
        &self,
        org: &'a Org,
        candidates: impl Iterator<Item = &'a Row>,
        is_in_order: bool,
    ) -> Vec<&'a Row> {
        let wanted = candidates.filter(|row| {
            (self.all_rows || !row.is_deleted())
                && self.test.as_ref().is_none_or(|test| test.holds(org, row))
        });
        if matches!(self.output, Output::Groups { .. }) {
            return wanted.collect();
        }
        let limit = self.limit.unwrap_or(usize::MAX);
        if is_in_order || self.order.is_empty() {
            return wanted.skip(self.offset).take(limit).collect();
        }
        let mut rows: Vec<&Row> = wanted.collect();
        self.sort(org, &mut rows);
        self.window(rows)
    }

    /// Tells whether the answer is ordered by this field of the rows themselves, ties by id.
    fn is_ordered_by(&self, name: &str) -> bool {
        let ascends = |key: &Key, name: &str| {
            key.function.is_none()
                && !key.descending
                && key.path.steps.is_empty()
                && key.path.name == name
        };
        match self.order.as_slice() {
            [key] => ascends(key, name),
            [key, tie] => ascends(key, name) && ascends(tie, "Id"),
            _ => false,
        }
    }

    fn sort(&self, org: &Org, rows: &mut [&Row]) {
        if self.order.is_empty() {
            return;
        }
        rows.sort_by(|left, right| {
            self.order
                .iter()
                .map(|key| {
                    let (left, right) = (key.path.value(org, left), key.path.value(org, right));
                    sorted(order(left, right), left, right, key.descending, key.nulls_last)
                })
                .find(|ordering| ordering.is_ne())
                .unwrap_or(Ordering::Equal)
        });
    }

    /// Cuts OFFSET and LIMIT.
    pub(super) fn window<T>(&self, rows: Vec<T>) -> Vec<T> {
        rows.into_iter().skip(self.offset).take(self.limit.unwrap_or(usize::MAX)).collect()
    }
}

/// Applies direction and the place of nulls: first in both directions unless asked otherwise.
pub(super) fn sorted(
    ordering: Ordering,
    left: &Value,
    right: &Value,
    descending: bool,
    nulls_last: bool,
) -> Ordering {
    match (left.is_null(), right.is_null()) {
        (false, false) if descending => ordering.reverse(),
        (true, false) | (false, true) if nulls_last => ordering.reverse(),
        _ => ordering,
    }
}
