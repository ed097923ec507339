//! Rows into a table: first into one of the session alone, then into the table in one transaction.

use std::fmt::Write as _;

use async_trait::async_trait;
use shared::etl::{PlannedColumn, WriteMode};
use shared::ports::{Loaded, TableError, TableLoad, TableLoading, TextRow};
use sqlx::{Connection as _, PgConnection, Row as _};

use super::columns::{Column, columns_of, find, type_of};
use super::faults::fault;
use super::{full_name, listed, quoted, statement};

/// The table of the session. A `pg_temp` of its own, so that no name of the firm is taken.
const STAGED: &str = "pg_temp.moodbridge_rows";
/// Which loads were appended, in the schema of the table.
const LOADS: &str = "moodbridge_loads";
/// How long a load is known, in days: longer than any queue keeps a message.
const KNOWN_FOR_DAYS: u32 = 90;

/// A load that is under way.
pub(super) struct Loading {
    connection: PgConnection,
    load: TableLoad,
    subject: String,
    names: Vec<String>,
    /// The columns of the table; `None` when there is none yet.
    there: Option<Vec<Column>>,
    lines: String,
}

impl Loading {
    /// Begins a load: what the table cannot hold is refused here.
    pub(super) async fn begin(
        mut connection: PgConnection,
        load: TableLoad,
    ) -> Result<Self, TableError> {
        let subject = load.table.to_string();
        let names: Vec<String> = load.columns.iter().map(|it| it.name.clone()).collect();
        let there = match columns_of(&mut connection, &load.table).await? {
            None => None,
            Some(all) => {
                let found = find(&all, &names)?;
                found
                    .iter()
                    .zip(&load.columns)
                    .try_for_each(|(theirs, ours)| theirs.check(ours))?;
                Some(found)
            }
        };
        let staged = match &there {
            Some(_) => format!(
                "AS SELECT {} FROM {} WITH NO DATA",
                listed("", &names),
                full_name(&load.table)
            ),
            None => format!("({})", made(&load.columns)),
        };
        let staged = format!("CREATE TEMPORARY TABLE moodbridge_rows {staged}");
        let made = statement(staged).execute(&mut connection).await;
        made.map_err(|cause| fault(cause, "load", &subject))?;
        Ok(Self { connection, load, subject, names, there, lines: String::new() })
    }

    fn failed(&self) -> impl Fn(sqlx::Error) -> TableError + use<> {
        let subject = self.subject.clone();
        move |cause| fault(cause, "load", &subject)
    }

    /// Checks that each row is named, and by itself.
    async fn check_keys(&mut self, by: &[String]) -> Result<(), TableError> {
        let failed = self.failed();
        let missing: Vec<String> = by.iter().map(|it| format!("{} IS NULL", quoted(it))).collect();
        let missing = format!("SELECT count(*) FROM {STAGED} WHERE {}", missing.join(" OR "));
        let missing = statement(missing).fetch_one(&mut self.connection).await;
        let missing: i64 = missing.and_then(|it| it.try_get(0)).map_err(&failed)?;
        let named = by.join("`, `");
        if missing > 0 {
            return Err(TableError::Unfit(format!(
                "{missing} rows have no value in `{named}`, which names a row of the table: check it \
                 by a rule `not_null`"
            )));
        }
        let index = format!("CREATE UNIQUE INDEX ON {STAGED} ({})", listed("", by));
        let Err(cause) = statement(index).execute(&mut self.connection).await else {
            return Ok(());
        };
        let code = cause.as_database_error().and_then(sqlx::error::DatabaseError::code);
        if code.as_deref() != Some("23505") {
            return Err(failed(cause));
        }
        Err(TableError::Unfit(format!(
            "two rows have the same `{named}`, which names a row of the table: keep one by a step \
             `deduplicate`, or put the other aside by a rule `unique`"
        )))
    }
}

#[async_trait]
impl TableLoading for Loading {
    async fn write(&mut self, rows: &[TextRow]) -> Result<(), TableError> {
        self.lines.clear();
        rows.iter().for_each(|row| push_line(&mut self.lines, row));
        let copy = format!("COPY {STAGED} ({}) FROM STDIN", listed("", &self.names));
        let failed = self.failed();
        let mut copy = self.connection.copy_in_raw(&copy).await.map_err(&failed)?;
        if let Err(cause) = copy.send(self.lines.as_bytes()).await {
            // The connection is of no use, and goes with the load.
            return Err(failed(cause));
        }
        copy.finish().await.map(drop).map_err(&failed)
    }

    async fn finish(mut self: Box<Self>) -> Result<Loaded, TableError> {
        if let WriteMode::Merge { by } = self.load.mode.clone() {
            self.check_keys(&by).await?;
        }
        let failed = self.failed();
        let Self { connection, load, names, there, .. } = &mut *self;
        let mut transaction = connection.begin().await.map_err(&failed)?;
        if load.mode == WriteMode::Append
            && !is_first(&mut transaction, load).await.map_err(&failed)?
        {
            return Ok(Loaded { n_new: 0, n_changed: 0, was_there: true });
        }
        let target = full_name(&load.table);
        if there.is_none() {
            let key = match &load.mode {
                WriteMode::Merge { by } => format!(", PRIMARY KEY ({})", listed("", by)),
                _ => String::new(),
            };
            let make = format!("CREATE TABLE {target} ({}{key})", made(&load.columns));
            statement(make).execute(&mut *transaction).await.map_err(&failed)?;
        }
        if load.mode == WriteMode::Replace {
            let empty = format!("DELETE FROM {target}");
            statement(empty).execute(&mut *transaction).await.map_err(&failed)?;
        }
        let columns = listed("", names.iter());
        let insert =
            format!("INSERT INTO {target} AS t ({columns}) SELECT {columns} FROM {STAGED}");
        let loaded = match &load.mode {
            WriteMode::Append | WriteMode::Replace => {
                let done = statement(insert).execute(&mut *transaction).await.map_err(&failed)?;
                Loaded { n_new: done.rows_affected(), n_changed: 0, was_there: false }
            }
            WriteMode::Merge { by } => {
                let merge = format!(
                    "WITH done AS ({insert} {} RETURNING xmax = 0 AS is_new) SELECT count(*) FILTER \
                     (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM done",
                    on_conflict(by, names, there.as_deref())
                );
                let done = statement(merge).fetch_one(&mut *transaction).await;
                let done = done.map_err(|cause| no_index(cause, by, &target, &failed))?;
                let count = |place: usize| done.try_get::<i64, _>(place).map_err(&failed);
                let count = |place| Ok::<_, TableError>(u64::try_from(count(place)?).unwrap_or(0));
                Loaded { n_new: count(0)?, n_changed: count(1)?, was_there: false }
            }
        };
        transaction.commit().await.map_err(&failed)?;
        Ok(loaded)
    }
}

/// Says what a row does to the one that it names: nothing, when it is the same.
fn on_conflict(by: &[String], names: &[String], there: Option<&[Column]>) -> String {
    let others: Vec<&String> = names.iter().filter(|it| !by.contains(it)).collect();
    if others.is_empty() {
        return format!("ON CONFLICT ({}) DO NOTHING", listed("", by));
    }
    let set: Vec<String> =
        others.iter().map(|it| format!("{0} = excluded.{0}", quoted(it))).collect();
    let compared = |before: &str| {
        let of = |name: &&String| match there.into_iter().flatten().find(|it| it.name == **name) {
            Some(column) => column.as_comparable(before),
            None => format!("{before}.{}", quoted(name)),
        };
        others.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    format!(
        "ON CONFLICT ({}) DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})",
        listed("", by),
        set.join(", "),
        compared("t"),
        compared("excluded")
    )
}

/// Without an index PostgreSQL cannot say which row is named.
fn no_index(
    cause: sqlx::Error,
    by: &[String],
    target: &str,
    failed: &impl Fn(sqlx::Error) -> TableError,
) -> TableError {
    let code = cause.as_database_error().and_then(sqlx::error::DatabaseError::code);
    if code.as_deref() != Some("42P10") {
        return failed(cause);
    }
    let columns = listed("", by);
    TableError::Unfit(format!(
        "nothing in the table says that `{}` names one row: `CREATE UNIQUE INDEX ON {target} ({columns})`",
        by.join("`, `")
    ))
}

/// Notes an append; `false` when it is noted already. Loads of one schema come here one at a time.
async fn is_first(transaction: &mut PgConnection, load: &TableLoad) -> Result<bool, sqlx::Error> {
    let (schema, loads) = (&load.table.schema, quoted(LOADS));
    let loads = format!("{}.{loads}", quoted(schema));
    let lock = "SELECT pg_advisory_xact_lock(hashtext('moodbridge_loads'), hashtext($1))";
    sqlx::query(lock).bind(schema).execute(&mut *transaction).await?;
    let is_there = "SELECT to_regclass($1) IS NOT NULL";
    let is_there: bool =
        sqlx::query_scalar(is_there).bind(&loads).fetch_one(&mut *transaction).await?;
    if !is_there {
        let make = format!(
            "CREATE TABLE {loads} (target text NOT NULL, pipeline text NOT NULL, source text NOT NULL, \
             run_at timestamptz NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now(), \
             PRIMARY KEY (target, pipeline, source, run_at))"
        );
        statement(make).execute(&mut *transaction).await?;
    }
    let forget = format!(
        "DELETE FROM {loads} WHERE target = $1 AND loaded_at < now() - interval '{KNOWN_FOR_DAYS} days'"
    );
    statement(forget).bind(load.table.name.clone()).execute(&mut *transaction).await?;
    let note = format!(
        "INSERT INTO {loads} (target, pipeline, source, run_at) \
         VALUES ($1, $2, $3, $4::text::timestamptz) ON CONFLICT DO NOTHING"
    );
    let noted = statement(note)
        .bind(load.table.name.clone())
        .bind(load.id.pipeline.clone())
        .bind(load.id.source.clone())
        .bind(load.id.run_at.to_string())
        .execute(&mut *transaction)
        .await?;
    Ok(noted.rows_affected() == 1)
}

/// The columns of a table that is made.
fn made(columns: &[PlannedColumn]) -> String {
    let column = |it: &PlannedColumn| format!("{} {}", quoted(&it.name), type_of(it.kind));
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// Writes a line of COPY. Source: PostgreSQL manual, "COPY", "Text Format".
fn push_line(lines: &mut String, row: &TextRow) {
    for (place, value) in row.iter().enumerate() {
        if place > 0 {
            lines.push('\t');
        }
        let Some(value) = value else {
            lines.push_str("\\N");
            continue;
        };
        for letter in value.chars() {
            match letter {
                '\\' => lines.push_str("\\\\"),
                '\t' => lines.push_str("\\t"),
                '\n' => lines.push_str("\\n"),
                '\r' => lines.push_str("\\r"),
                // PostgreSQL has no text with it, and ends the line there in some versions.
                '\0' => {
                    let _ = write!(lines, "\\000");
                }
                other => lines.push(other),
            }
        }
    }
    lines.push('\n');
}
