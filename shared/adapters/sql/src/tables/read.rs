//! Rows of a table, a page at a time.

use async_trait::async_trait;
use shared::etl::DatabaseTable;
use shared::ports::{TableError, TableRows, TextRow};
use sqlx::{PgConnection, Row as _};

use super::columns::{columns_of, find};
use super::{full_name, statement};
use crate::postgres::port_error;

/// Rows that are fetched at once.
const PAGE: usize = 4096;

/// Rows by a cursor, all of them from one moment.
pub(super) struct Rows {
    connection: PgConnection,
    subject: String,
    n_columns: usize,
    unread: Vec<String>,
    is_done: bool,
}

impl Rows {
    /// Begins to read `columns` of `table`.
    pub(super) async fn begin(
        mut connection: PgConnection,
        table: &DatabaseTable,
        columns: &[String],
    ) -> Result<Self, TableError> {
        let subject = table.to_string();
        let failed = |cause| TableError::from(port_error(cause, "read", &subject));
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned();
        statement(begin).execute(&mut connection).await.map_err(failed)?;
        let there = columns_of(&mut connection, table).await?;
        let there = there.ok_or_else(|| TableError::Unfit("there is no such table".to_owned()))?;
        let wanted: Vec<String> =
            find(&there, columns)?.iter().map(super::columns::Column::as_text).collect();
        let cursor = format!(
            "DECLARE moodbridge_rows NO SCROLL CURSOR FOR SELECT {} FROM {}",
            wanted.join(", "),
            full_name(table)
        );
        statement(cursor)
            .execute(&mut connection)
            .await
            .map_err(|cause| super::faults::fault(cause, "read", &subject))?;
        let unread = there.into_iter().map(|it| it.name).filter(|it| !columns.contains(it));
        let (unread, n_columns) = (unread.collect(), columns.len());
        Ok(Self { connection, subject, n_columns, unread, is_done: false })
    }
}

#[async_trait]
impl TableRows for Rows {
    fn unread_columns(&self) -> &[String] {
        &self.unread
    }

    async fn next(&mut self) -> Result<Vec<TextRow>, TableError> {
        if self.is_done {
            return Ok(Vec::new());
        }
        let failed = |cause| TableError::from(port_error(cause, "read", &self.subject));
        let fetch = format!("FETCH FORWARD {PAGE} FROM moodbridge_rows");
        let page = statement(fetch).fetch_all(&mut self.connection).await.map_err(failed)?;
        self.is_done = page.len() < PAGE;
        let row = |it: &sqlx::postgres::PgRow| {
            (0..self.n_columns).map(|place| it.try_get(place)).collect::<Result<TextRow, _>>()
        };
        page.iter().map(row).collect::<Result<_, _>>().map_err(failed)
    }
}
