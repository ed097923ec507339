//! The rows that every write adds and no write reads, on SQLite.

use std::borrow::Cow;

use shared::time::Timestamp;
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::many::{Given, pieces, values};
use crate::store::batch::{AuditLine, Batch, ChangeLine, TimelineLine};
use crate::store::decode::count;

/// Begins the rows of a group that is committed at `at`, behind those that are stored.
pub(super) async fn begin<'a>(
    connection: &mut SqliteConnection,
    at: Timestamp,
) -> Result<Batch<'a>, sqlx::Error> {
    let (seq, hash, newest_change): (Option<i64>, Option<String>, i64) = sqlx::query_as(
        "SELECT last.seq, last.hash, coalesce(sqlite_sequence.seq, 0) FROM (SELECT 1) \
         LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS last \
         LEFT JOIN sqlite_sequence ON sqlite_sequence.name = 'changes'",
    )
    .fetch_one(connection)
    .await?;
    let chain_end = (seq.map_or(0, count), hash.unwrap_or_default());
    Ok(Batch::new(at, chain_end, count(newest_change), |text| Cow::Borrowed(text)))
}

/// Inserts what was added to `batch`.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    batch: Batch<'_>,
) -> Result<(), sqlx::Error> {
    let lines = batch.into_lines();
    insert(
        connection,
        "timeline_events (id, case_id, occurred_at, event_type, title, importance, created_at)",
        lines.timeline,
    )
    .await?;
    insert(
        connection,
        "audit (seq, at, actor, kind, entity, entity_id, channel, event_id, correlation_id, \
         source_version, received_at, changes, previous_hash, hash)",
        lines.audit,
    )
    .await?;
    insert(
        connection,
        "changes (seq, at, entity, entity_id, kind, label, fields, lag_ms, correlation_id)",
        lines.changes,
    )
    .await
}

/// A row with its values, in the order of the columns.
trait Line {
    /// How many values it has.
    const N_COLUMNS: usize;

    /// Hands the values to a statement.
    fn give(self, given: &mut Given) -> Result<(), sqlx::Error>;
}

impl Line for TimelineLine<'_> {
    const N_COLUMNS: usize = 7;

    fn give(self, given: &mut Given) -> Result<(), sqlx::Error> {
        let Self(id, case_id, occurred_at, event_type, title, importance, created_at) = self;
        given.text(id)?;
        given.text(case_id)?;
        given.int(occurred_at)?;
        given.text(event_type)?;
        given.text(title)?;
        given.int(importance.into())?;
        given.int(created_at)
    }
}

impl Line for AuditLine<'_> {
    const N_COLUMNS: usize = 14;

    fn give(self, given: &mut Given) -> Result<(), sqlx::Error> {
        let Self(seq, at, actor, kind, entity, entity_id, channel, event_id, correlation, ..) =
            &self;
        given.int(*seq)?;
        given.int(*at)?;
        given.text(&**actor)?;
        given.text(*kind)?;
        given.text(*entity)?;
        given.text(&**entity_id)?;
        given.text(*channel)?;
        given.text(&**event_id)?;
        given.text(&**correlation)?;
        let Self(.., source_version, received_at, changes, previous_hash, hash) = self;
        given.int(source_version)?;
        given.int(received_at)?;
        given.text(changes)?;
        given.text(previous_hash)?;
        given.text(hash)
    }
}

impl Line for ChangeLine<'_> {
    const N_COLUMNS: usize = 9;

    fn give(self, given: &mut Given) -> Result<(), sqlx::Error> {
        let Self(seq, at, entity, entity_id, kind, label, fields, lag_ms, correlation_id) = self;
        given.int(seq)?;
        given.int(at)?;
        given.text(entity)?;
        given.text(entity_id)?;
        given.text(kind)?;
        given.text_or_null(label)?;
        given.text(fields)?;
        given.int_or_null(lag_ms)?;
        given.text(correlation_id)
    }
}

/// Inserts `lines` into `target`, a table with its columns.
async fn insert<T: Line>(
    connection: &mut SqliteConnection,
    target: &'static str,
    lines: Vec<T>,
) -> Result<(), sqlx::Error> {
    let places: Vec<()> = lines.iter().map(|_| ()).collect();
    let mut lines = lines.into_iter();
    for piece in pieces(&places) {
        let mut given = Given::default();
        for line in lines.by_ref().take(piece.len()) {
            line.give(&mut given)?;
        }
        let sql = format!("INSERT INTO {target} VALUES {}", values(T::N_COLUMNS, piece.len()));
        sqlx::query_with(AssertSqlSafe(sql), given.into_arguments())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
