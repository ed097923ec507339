//! Statements with many rows of values, the text of each kept.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe};

/// Rows in one statement at most.
const N_ROWS: usize = 256;

/// Makes statements with one group of placeholders for each row.
#[derive(Default)]
pub(super) struct Bulk {
    statements: HashMap<(&'static str, usize), Arc<str>>,
}

impl Bulk {
    /// Cuts `rows` into pieces whose lengths are powers of two: few lengths, so few statements.
    pub(super) fn chunks<'a, T>(
        &self,
        mut rows: &'a [T],
    ) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        std::iter::from_fn(move || {
            let n_rows = 1_usize << rows.len().checked_ilog2()?;
            let (chunk, rest) = rows.split_at_checked(n_rows.min(N_ROWS))?;
            rows = rest;
            Some(chunk)
        })
    }

    /// Returns `head`, `row` as often as there are rows, and `tail`.
    pub(super) fn statement(
        &mut self,
        head: &'static str,
        row: &'static str,
        n_rows: usize,
        tail: &'static str,
    ) -> AssertSqlSafe<Arc<str>> {
        let build = || format!("{head}{}{tail}", vec![row; n_rows].join(",")).into();
        AssertSqlSafe(Arc::clone(self.statements.entry((head, n_rows)).or_insert_with(build)))
    }
}

/// Adds a value to a statement's.
pub(super) fn add<'t, T>(arguments: &mut SqliteArguments, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    Arguments::add(arguments, value).map_err(sqlx::Error::Encode)
}
