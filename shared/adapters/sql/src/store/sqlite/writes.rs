//! The group commit of the case store: every write of this process passes through here.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::{Clock, Committed};
use shared::time::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};
use tokio::sync::watch;

use super::row_statements::RowStatements;
use super::{batch, changed_records, costs, imports, ledger, new_records, runs, walls};
use crate::store::batch::Batch;
use crate::store::decode::number;
use crate::store::documents::sqlite_documents;
use crate::store::jobs::{Answer, Job};
use crate::store::pipeline_runs::sqlite as pipeline_runs;
use crate::store::prepared::{Cell, PreparedWrite};
use crate::store::reports::sqlite as reports;
use crate::store::two_way::{sqlite_marks, sqlite_outbox, sqlite_reconciliations};
use crate::writer::WriteGroup;

/// Runs jobs inside the transaction that they share.
pub(super) struct CaseWrites {
    clock: Arc<dyn Clock>,
    /// Wakes those who wait for a change row.
    newest: Arc<watch::Sender<u64>>,
    newest_in_group: u64,
}

impl CaseWrites {
    /// Makes the group; `newest` is told the number of each new change row.
    pub(super) fn new(clock: Arc<dyn Clock>, newest: Arc<watch::Sender<u64>>) -> Self {
        Self { clock, newest, newest_in_group: 0 }
    }
}

#[async_trait]
impl WriteGroup for CaseWrites {
    type Job = Job;
    type Answer = Answer;

    async fn run(
        &mut self,
        connection: &mut SqliteConnection,
        jobs: &[Job],
    ) -> Result<Vec<Answer>, sqlx::Error> {
        let mut batch = batch::begin(connection, self.clock.now()).await?;
        let mut written = new_records::create(connection, jobs, batch.at()).await?;
        written.extend(changed_records::change(connection, jobs, batch.at()).await?);
        let mut answers = Vec::with_capacity(jobs.len());
        for (place, job) in jobs.iter().enumerate() {
            answers.push(match job {
                Job::Apply(write) if written.contains(&place) => {
                    finish(connection, write, &mut batch).await?
                }
                Job::Apply(write) => apply(connection, write, &mut batch).await?,
                Job::Put { name, value, expected_revision } => {
                    ledger::put(connection, name, value, *expected_revision).await?
                }
                Job::Record(run) => runs::record(connection, run).await?,
                Job::RecordReconciliation(run) => {
                    sqlite_reconciliations::record(connection, run, plain).await?
                }
                Job::Pipelines(job) => pipeline_runs::run(connection, job, plain).await?,
                Job::Reports(job) => reports::run(connection, job, plain).await?,
                Job::Outbox(job) => sqlite_outbox::run(connection, job, batch.at()).await?,
                Job::RecordCosts(batch) => costs::record(connection, batch).await?,
                Job::SetWall(wall) => walls::set(connection, wall, &mut batch).await?,
                Job::LiftWall { case_id, person, by } => {
                    walls::lift(connection, case_id, person, by, &mut batch).await?
                }
                Job::Import(items) => imports::write(connection, items, &mut batch).await?,
                Job::File(filing) => sqlite_documents::file(connection, filing, &mut batch).await?,
                Job::NoteRead(read) => {
                    sqlite_documents::note_read(connection, read, &mut batch).await?
                }
            });
        }
        self.newest_in_group = batch.newest_change();
        batch::write(connection, batch).await?;
        Ok(answers)
    }

    fn committed(&mut self) {
        let newest = self.newest_in_group;
        self.newest.send_if_modified(|seen| {
            let is_newer = newest > *seen;
            *seen = newest.max(*seen);
            is_newer
        });
    }
}

/// Applies one write, unless its shadow is not the one that was read.
async fn apply<'a>(
    connection: &mut SqliteConnection,
    prepared: &'a PreparedWrite,
    batch: &mut Batch<'a>,
) -> Result<Answer, sqlx::Error> {
    if !may_write(connection, prepared).await? || !write_shadow(connection, prepared).await? {
        return Ok(Answer::Conflict);
    }
    write_row(connection, prepared, batch.at()).await?;
    finish(connection, prepared, batch).await
}

/// Adds what belongs to a write whose shadow and row stand.
async fn finish<'a>(
    connection: &mut SqliteConnection,
    prepared: &'a PreparedWrite,
    batch: &mut Batch<'a>,
) -> Result<Answer, sqlx::Error> {
    sqlite_marks::apply(connection, prepared, batch.at(), plain).await?;
    Ok(Answer::Committed(Committed { change_seq: batch.add(prepared), at: batch.at() }))
}

/// Free text is kept as it is.
fn plain(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Moves the shadow to its new key, when it has one and nothing stands there; false else, or when
/// the shadow is not the one that was read.
async fn may_write(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
) -> Result<bool, sqlx::Error> {
    let Some(old) = &prepared.write.marks.was_named else { return Ok(true) };
    let key = &prepared.write.shadow.key;
    let revision: Option<i64> = sqlx::query_scalar(
        "SELECT revision FROM sync_shadow WHERE connection = ?1 AND object = ?2 AND record_id = ?3",
    )
    .bind(key.connection.as_str())
    .bind(key.object.as_str())
    .bind(old.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    if revision != Some(number(prepared.write.shadow.revision)) {
        return Ok(false);
    }
    sqlite_marks::rename(connection, prepared, old).await
}

/// Writes the shadow when its revision is still the one that was read, and says whether it was.
async fn write_shadow(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
) -> Result<bool, sqlx::Error> {
    let shadow = &prepared.write.shadow;
    let sql = if shadow.revision == 0 {
        "INSERT INTO sync_shadow (connection, object, record_id, fields, version, field_versions, \
         presence_version, is_deleted, revision, entity_id, edits) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1, ?10, ?11) \
         ON CONFLICT (connection, object, record_id) DO NOTHING"
    } else {
        "UPDATE sync_shadow SET fields = ?4, version = ?5, field_versions = ?6, \
         presence_version = ?7, is_deleted = ?8, revision = revision + 1, \
         entity_id = ?10, edits = ?11 \
         WHERE connection = ?1 AND object = ?2 AND record_id = ?3 AND revision = ?9"
    };
    let done = sqlx::query(sql)
        .bind(shadow.key.connection.as_str())
        .bind(shadow.key.object.as_str())
        .bind(shadow.key.record_id.as_str())
        .bind(&prepared.shadow_fields)
        .bind(shadow.version.as_millis())
        .bind(&prepared.field_versions)
        .bind(shadow.presence_version.as_millis())
        .bind(shadow.is_deleted)
        .bind(number(shadow.revision))
        .bind(prepared.own_id())
        .bind(&prepared.edits)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn write_row(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let statements = RowStatements::of(prepared);
    let differences = sqlx::query_scalar_with(
        AssertSqlSafe(statements.differences()),
        row_arguments(prepared, at)?,
    );
    let differences: Option<i64> = differences.fetch_optional(&mut *connection).await?;
    let sql = match differences {
        None => statements.insert(),
        Some(bits) => statements.update(bits, prepared.write.audit.is_some()),
    };
    // The text is made of the names of `Entity::columns` alone.
    sqlx::query_with(AssertSqlSafe(sql), row_arguments(prepared, at)?)
        .execute(connection)
        .await
        .map(drop)
}

fn row_arguments(prepared: &PreparedWrite, at: Timestamp) -> Result<SqliteArguments, sqlx::Error> {
    let PreparedWrite { write, cells, .. } = prepared;
    let key = &write.shadow.key;
    let mut arguments = SqliteArguments::default();
    let mut add = |cell: Cell| {
        match cell {
            Cell::Null => arguments.add(None::<i64>),
            Cell::Int(value) => arguments.add(value),
            Cell::Text(text) => arguments.add(text),
        }
        .map_err(sqlx::Error::Encode)
    };
    add(Cell::Text(write.entity_id.to_string()))?;
    add(Cell::Text(key.connection.to_string()))?;
    add(Cell::Text(key.object.to_string()))?;
    add(Cell::Text(key.record_id.to_string()))?;
    add(Cell::Int(write.is_deleted.into()))?;
    add(Cell::Int(write.shadow.version.as_millis()))?;
    add(Cell::Int(at.as_millis()))?;
    cells.iter().cloned().try_for_each(add)?;
    Ok(arguments)
}
