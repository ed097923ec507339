//! Runs a checked query.

use std::cmp::Ordering;

use super::condition::order;
use super::plan::{Output, Plan};
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
        let wanted = |row: &&Row| {
            (self.all_rows || !row.is_deleted())
                && self.test.as_ref().is_none_or(|test| test.holds(org, row))
        };
        let (from, until) = self
            .test
            .as_ref()
            .map_or((i64::MIN, i64::MAX), super::condition::Test::modstamp_bounds);
        let bounded = from != i64::MIN || until != i64::MAX;
        let ids = self.test.as_ref().and_then(super::condition::Test::ids);
        let mut rows: Vec<&Row> = match ids {
            Some(ids) => ids.iter().filter_map(|id| table.row(*id)).filter(wanted).collect(),
            None if bounded => table.changed_in(from..until).filter(wanted).collect(),
            None => table.rows().filter(wanted).collect(),
        };
        if !matches!(self.output, Output::Groups { .. }) {
            self.sort(org, &mut rows);
            return self.window(rows);
        }
        rows
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
