//! Many rows by one statement.
//!
//! A statement on its own costs more than the row it writes: it is handed to the thread of the
//! connection and back.

use std::collections::{HashMap, HashSet};

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, SqliteConnection};

use crate::store::decode::json_text;
use crate::store::jobs::Job;
use crate::store::prepared::{Cell, PreparedWrite};

/// Rows of one statement at most: twice as many gain nothing more.
const N_ROWS: usize = 64;

/// A write and its place among the jobs.
pub(super) type Placed<'a> = (usize, &'a PreparedWrite);

/// Tells whether an id stands for another row behind `job`: references before it must be found, and
/// those behind it must find the id.
pub(super) fn moves_ids(job: &Job) -> bool {
    let Job::Apply(prepared) = job else { return false };
    prepared.write.marks.was_named.is_some() || prepared.write.marks.merged_into.is_some()
}

/// Picks the writes that `is_wanted` takes; of two for one record or row, the first.
pub(super) fn first_of_each(
    jobs: &[Job],
    is_wanted: impl Fn(&PreparedWrite) -> bool,
) -> Vec<Placed<'_>> {
    let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
    let applied = jobs.iter().enumerate().filter_map(|(place, job)| match job {
        Job::Apply(prepared) => Some((place, &**prepared)),
        _ => None,
    });
    let first = applied.filter(|(_, it)| {
        is_wanted(it) && ids.insert(&it.write.entity_id) && keys.insert(&it.write.shadow.key)
    });
    first.collect()
}

fn is_reference(column: &str) -> bool {
    matches!(column, "account_id" | "contact_id")
}

/// What aliases stand for.
pub(super) struct Aliases(HashMap<String, String>);

impl Aliases {
    /// Finds what the aliases among the references of `writes` stand for.
    pub(super) async fn of(
        connection: &mut SqliteConnection,
        writes: &[Placed<'_>],
    ) -> Result<Self, sqlx::Error> {
        let cells = writes.iter().flat_map(|(_, it)| it.columns.iter().zip(&it.cells));
        let references: HashSet<&str> = cells
            .filter_map(|(column, cell)| match cell {
                Cell::Text(id) if is_reference(column) => Some(id.as_str()),
                _ => None,
            })
            .collect();
        if references.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let stands_for: Vec<(String, String)> = sqlx::query_as(
            "SELECT alias, entity_id FROM id_aliases \
             WHERE alias IN (SELECT value FROM json_each(?1))",
        )
        .bind(json_text(&references)?)
        .fetch_all(connection)
        .await?;
        Ok(Self(stands_for.into_iter().collect()))
    }
}

/// Splits `rows` so that few statements are enough for any number of them: each piece has a power
/// of two.
pub(super) fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let n_rows = (1 << rows.len().checked_ilog2()?).min(N_ROWS);
        let (piece, rest) = rows.split_at_checked(n_rows)?;
        rows = rest;
        Some(piece)
    })
}

/// Spells `n_rows` lists of `n_columns` parameters each.
pub(super) fn values(n_columns: usize, n_rows: usize) -> String {
    let row = format!("({}?)", "?, ".repeat(n_columns.saturating_sub(1)));
    format!("{}{row}", format!("{row}, ").repeat(n_rows.saturating_sub(1)))
}

/// The arguments of one statement.
#[derive(Default)]
pub(super) struct Given(SqliteArguments);

impl Given {
    /// Adds text.
    pub(super) fn text(&mut self, text: impl Into<String>) -> Result<(), sqlx::Error> {
        self.0.add(text.into()).map_err(sqlx::Error::Encode)
    }

    /// Adds text, or no value.
    pub(super) fn text_or_null(
        &mut self,
        text: Option<impl Into<String>>,
    ) -> Result<(), sqlx::Error> {
        self.0.add(text.map(Into::into)).map_err(sqlx::Error::Encode)
    }

    /// Adds a whole number.
    pub(super) fn int(&mut self, value: i64) -> Result<(), sqlx::Error> {
        self.0.add(value).map_err(sqlx::Error::Encode)
    }

    /// Adds a whole number, or no value.
    pub(super) fn int_or_null(&mut self, value: Option<i64>) -> Result<(), sqlx::Error> {
        self.0.add(value).map_err(sqlx::Error::Encode)
    }

    /// Adds the value of `column`; a reference to an alias becomes one to what that stands for.
    pub(super) fn cell(
        &mut self,
        column: &str,
        cell: &Cell,
        aliases: &Aliases,
    ) -> Result<(), sqlx::Error> {
        match cell {
            Cell::Null => self.int_or_null(None),
            Cell::Int(value) => self.int(*value),
            Cell::Text(id) if is_reference(column) => {
                self.text(aliases.0.get(id).unwrap_or(id).as_str())
            }
            Cell::Text(text) => self.text(text.as_str()),
        }
    }

    /// Hands the arguments to a statement.
    pub(super) fn into_arguments(self) -> SqliteArguments {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_every_row_in_order_and_are_of_few_sizes() {
        for n_rows in 0..300 {
            let rows: Vec<usize> = (0..n_rows).collect();
            let split: Vec<&[usize]> = pieces(&rows).collect();

            assert_eq!(split.concat(), rows);
            assert!(split.iter().all(|it| it.len().is_power_of_two() && it.len() <= N_ROWS));
            assert!(split.len() <= n_rows / N_ROWS + 6, "{n_rows} rows in {} pieces", split.len());
        }
    }

    #[test]
    fn values_have_one_parameter_a_column() {
        assert_eq!(values(2, 3), "(?, ?), (?, ?), (?, ?)");
        assert_eq!(values(1, 1), "(?)");
    }
}
