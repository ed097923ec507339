//! Statements with many rows of values, the text of each kept.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe};

/// Rows in one statement at most.
const N_ROWS: usize = 256;
/// More rows than this go by statements of a multiple of it: few lengths, so few statements to keep.
const N_STEP: usize = 64;

/// One statement with many rows.
pub(super) struct Part {
    pub(super) head: &'static str,
    pub(super) row: &'static str,
    pub(super) tail: &'static str,
}

/// Makes statements with one group of placeholders for each row.
#[derive(Default)]
pub(super) struct Bulk {
    statements: HashMap<(&'static str, usize, usize), Arc<str>>,
}

impl Bulk {
    /// Cuts `rows` into few pieces, of few different lengths: a statement is kept for each.
    pub(super) fn chunks<'a, T>(
        &self,
        mut rows: &'a [T],
    ) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        std::iter::from_fn(move || {
            let n_rows = match rows.len() {
                0 => return None,
                n_rows if n_rows < N_STEP => n_rows,
                n_rows => (n_rows - n_rows % N_STEP).min(N_ROWS),
            };
            let (chunk, rest) = rows.split_at_checked(n_rows)?;
            rows = rest;
            Some(chunk)
        })
    }

    /// Returns the statements of `parts`, each with its head, its row `n_rows` times, and its tail.
    ///
    /// The parts go to the database as one: every statement sent alone costs two switches of thread.
    pub(super) fn statement(
        &mut self,
        parts: &'static [Part],
        n_rows: usize,
    ) -> AssertSqlSafe<Arc<str>> {
        let build = || {
            let text =
                |it: &Part| format!("{}{}{}", it.head, vec![it.row; n_rows].join(","), it.tail);
            parts.iter().map(text).collect::<Vec<_>>().join(";").into()
        };
        let name = parts.first().map_or("", |it| it.head);
        let known = self.statements.entry((name, parts.len(), n_rows));
        AssertSqlSafe(Arc::clone(known.or_insert_with(build)))
    }
}

/// Adds a value to a statement's.
pub(super) fn add<'t, T>(arguments: &mut SqliteArguments, value: T) -> Result<(), sqlx::Error>
where
    T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    Arguments::add(arguments, value).map_err(sqlx::Error::Encode)
}
