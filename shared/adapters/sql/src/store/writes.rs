//! The group commit of the case store: every write of this process passes through here.

use std::sync::Arc;

use async_trait::async_trait;
use shared::ports::{Clock, Committed, SyncRun};
use shared::sync::AuditColumns;
use shared::time::Timestamp;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, SqliteConnection};
use tokio::sync::watch;

use super::decode::{count, number};
use super::prepared::{Cell, PreparedWrite};
use super::{ledger, runs};
use crate::writer::WriteGroup;

/// What one caller wants written.
pub(super) enum Job {
    /// One change with all that belongs to it.
    Apply(Box<PreparedWrite>),
    /// A ledger entry.
    Put {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// The revision it must replace.
        expected_revision: u64,
    },
    /// A sync run.
    Record(Box<SyncRun>),
}

/// What that caller gets back.
pub(super) enum Answer {
    /// The change is committed.
    Committed(Committed),
    /// Somebody else was faster; nothing was written.
    Conflict,
    /// The ledger entry has this revision now.
    Revision(u64),
    /// The sync run is written.
    Recorded,
}

/// Runs jobs inside the transaction that they share.
pub(super) struct CaseWrites {
    clock: Arc<dyn Clock>,
    /// Wakes those who wait for a change row.
    newest: Arc<watch::Sender<u64>>,
    newest_in_group: u64,
}

/// The last audit row: the next one is chained to it.
struct ChainEnd {
    seq: u64,
    hash: String,
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
        let at = self.clock.now();
        self.newest_in_group = 0;
        let mut end = None;
        let mut answers = Vec::with_capacity(jobs.len());
        for job in jobs {
            answers.push(match job {
                Job::Apply(write) => match apply(connection, write, at, &mut end).await? {
                    Some(committed) => {
                        self.newest_in_group =
                            self.newest_in_group.max(committed.change_seq.unwrap_or(0));
                        Answer::Committed(committed)
                    }
                    None => Answer::Conflict,
                },
                Job::Put { name, value, expected_revision } => {
                    ledger::put(connection, name, value, *expected_revision).await?
                }
                Job::Record(run) => runs::record(connection, run).await?,
            });
        }
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

/// Applies one write; `None` when its shadow is not the one that was read.
async fn apply(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
    end: &mut Option<ChainEnd>,
) -> Result<Option<Committed>, sqlx::Error> {
    if !write_shadow(connection, prepared).await? {
        return Ok(None);
    }
    write_row(connection, prepared, at).await?;
    write_timeline(connection, prepared, at).await?;
    let mut change_seq = None;
    if prepared.write.audit.is_some() {
        let last = match end.take() {
            Some(last) => last,
            None => chain_end(connection).await?,
        };
        *end = Some(write_audit(connection, prepared, at, last).await?);
        change_seq = Some(write_change(connection, prepared, at).await?);
    }
    Ok(Some(Committed { change_seq, at }))
}

/// Writes the shadow when its revision is still the one that was read, and says whether it was.
async fn write_shadow(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
) -> Result<bool, sqlx::Error> {
    let shadow = &prepared.write.shadow;
    let sql = if shadow.revision == 0 {
        "INSERT INTO sync_shadow (connection, object, record_id, fields, version, field_versions, \
         presence_version, is_deleted, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 + 1) \
         ON CONFLICT (connection, object, record_id) DO NOTHING"
    } else {
        "UPDATE sync_shadow SET fields = ?4, version = ?5, field_versions = ?6, \
         presence_version = ?7, is_deleted = ?8, revision = revision + 1 \
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
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn write_row(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let differences = sqlx::query_scalar_with(
        AssertSqlSafe(prepared.statements.differences()),
        row_arguments(prepared, at)?,
    );
    let differences: Option<i64> = differences.fetch_optional(&mut *connection).await?;
    let sql = match differences {
        None => prepared.statements.insert(),
        Some(bits) => prepared.statements.update(bits, prepared.write.audit.is_some()),
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
    add(Cell::Int(write.shadow.is_deleted.into()))?;
    add(Cell::Int(write.shadow.version.as_millis()))?;
    add(Cell::Int(at.as_millis()))?;
    cells.iter().cloned().try_for_each(add)?;
    Ok(arguments)
}

async fn write_timeline(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    for (id, event) in prepared.timeline_ids.iter().zip(&prepared.write.timeline) {
        sqlx::query(
            "INSERT INTO timeline_events (id, case_id, occurred_at, event_type, title, importance, \
             created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .bind(id.as_str())
        .bind(prepared.write.entity_id.as_str())
        .bind(event.occurred_at.as_millis())
        .bind(event.event_type)
        .bind(&event.title)
        .bind(i64::from(event.importance))
        .bind(at.as_millis())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn chain_end(connection: &mut SqliteConnection) -> Result<ChainEnd, sqlx::Error> {
    let last: Option<(i64, String)> =
        sqlx::query_as("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    let (seq, hash) = last.unwrap_or_default();
    Ok(ChainEnd { seq: count(seq), hash })
}

async fn write_audit(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
    last: ChainEnd,
) -> Result<ChainEnd, sqlx::Error> {
    let Some(draft) = &prepared.write.audit else { return Ok(last) };
    let row = AuditColumns {
        seq: last.seq + 1,
        at: at.as_millis(),
        actor: &draft.actor,
        kind: prepared.write.kind.as_str(),
        entity: prepared.write.entity.as_str(),
        entity_id: prepared.write.entity_id.as_str(),
        channel: draft.channel.as_str(),
        event_id: &draft.event_id,
        correlation_id: draft.correlation_id.as_str(),
        source_version: draft.source_version.as_millis(),
        received_at: draft.received_at.as_millis(),
        changes: &prepared.changes,
    };
    let hash = row.hash(&last.hash);
    sqlx::query(
        "INSERT INTO audit (seq, at, actor, kind, entity, entity_id, channel, event_id, \
         correlation_id, source_version, received_at, changes, previous_hash, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )
    .bind(number(row.seq))
    .bind(row.at)
    .bind(row.actor)
    .bind(row.kind)
    .bind(row.entity)
    .bind(row.entity_id)
    .bind(row.channel)
    .bind(row.event_id)
    .bind(row.correlation_id)
    .bind(row.source_version)
    .bind(row.received_at)
    .bind(row.changes)
    .bind(&last.hash)
    .bind(&hash)
    .execute(connection)
    .await?;
    Ok(ChainEnd { seq: row.seq, hash })
}

async fn write_change(
    connection: &mut SqliteConnection,
    prepared: &PreparedWrite,
    at: Timestamp,
) -> Result<u64, sqlx::Error> {
    let PreparedWrite { write, changed_fields, label, .. } = prepared;
    let done = sqlx::query(
        "INSERT INTO changes (at, entity, entity_id, kind, label, fields, lag_ms, correlation_id) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .bind(at.as_millis())
    .bind(write.entity.as_str())
    .bind(write.entity_id.as_str())
    .bind(write.kind.as_str())
    .bind(label)
    .bind(changed_fields)
    .bind(prepared.lag_ms(at))
    .bind(write.audit.as_ref().map(|it| it.correlation_id.as_str()))
    .execute(connection)
    .await?;
    Ok(count(done.last_insert_rowid()))
}
