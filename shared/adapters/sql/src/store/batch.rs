//! The rows that every write adds and no write reads: audit, changes, timeline.
//!
//! They are gathered while a group runs and inserted by one statement each: a statement costs two
//! switches between threads, more than the row itself.

use serde::Serialize;
use shared::sync::AuditColumns;
use shared::time::Timestamp;
use sqlx::SqliteConnection;

use super::decode::{count, number};
use super::prepared::PreparedWrite;

/// The rows of one group.
pub(super) struct Batch<'a> {
    at: Timestamp,
    /// The number and hash of the last audit row: the next one is chained to it.
    chain_end: (u64, String),
    newest_change: u64,
    audit: Vec<AuditLine<'a>>,
    changes: Vec<ChangeLine<'a>>,
    timeline: Vec<TimelineLine<'a>>,
}

/// The columns of `audit`, in order.
#[derive(Serialize)]
struct AuditLine<'a>(
    i64,
    i64,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    i64,
    i64,
    &'a str,
    String,
    String,
);

/// The columns of `changes`, in order.
#[derive(Serialize)]
struct ChangeLine<'a>(
    i64,
    i64,
    &'a str,
    &'a str,
    &'a str,
    Option<&'a str>,
    &'a str,
    Option<i64>,
    &'a str,
);

/// The columns of `timeline_events`, in order.
#[derive(Serialize)]
struct TimelineLine<'a>(&'a str, &'a str, i64, &'a str, &'a str, u8, i64);

impl<'a> Batch<'a> {
    /// Begins the rows of a group that is committed at `at`, behind those that are stored.
    pub(super) async fn begin(
        connection: &mut SqliteConnection,
        at: Timestamp,
    ) -> Result<Self, sqlx::Error> {
        let (seq, hash, newest_change): (Option<i64>, Option<String>, i64) = sqlx::query_as(
            "SELECT last.seq, last.hash, coalesce(sqlite_sequence.seq, 0) FROM (SELECT 1) \
             LEFT JOIN (SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1) AS last \
             LEFT JOIN sqlite_sequence ON sqlite_sequence.name = 'changes'",
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            at,
            chain_end: (seq.map_or(0, count), hash.unwrap_or_default()),
            newest_change: count(newest_change),
            audit: Vec::new(),
            changes: Vec::new(),
            timeline: Vec::new(),
        })
    }

    /// Returns when the group is committed.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Returns the number of the newest change row, those of this group included.
    pub(super) fn newest_change(&self) -> u64 {
        self.newest_change
    }

    /// Adds the rows of one write and returns the number of its change row.
    pub(super) fn add(&mut self, prepared: &'a PreparedWrite) -> Option<u64> {
        let PreparedWrite { write, timeline_ids, .. } = prepared;
        let at = self.at.as_millis();
        let events = timeline_ids.iter().zip(&write.timeline);
        self.timeline.extend(events.map(|(id, event)| {
            TimelineLine(
                id.as_str(),
                write.entity_id.as_str(),
                event.occurred_at.as_millis(),
                event.event_type,
                &event.title,
                event.importance,
                at,
            )
        }));
        let draft = write.audit.as_ref()?;
        let row = AuditColumns {
            seq: self.chain_end.0 + 1,
            at,
            actor: &draft.actor,
            kind: write.kind.as_str(),
            entity: write.entity.as_str(),
            entity_id: write.entity_id.as_str(),
            channel: draft.channel.as_str(),
            event_id: &draft.event_id,
            correlation_id: draft.correlation_id.as_str(),
            source_version: draft.source_version.as_millis(),
            received_at: draft.received_at.as_millis(),
            changes: &prepared.changes,
        };
        let hash = row.hash(&self.chain_end.1);
        let previous = std::mem::replace(&mut self.chain_end, (row.seq, hash.clone())).1;
        self.newest_change += 1;
        self.changes.push(ChangeLine(
            number(self.newest_change),
            at,
            row.entity,
            row.entity_id,
            row.kind,
            prepared.label.as_deref(),
            &prepared.changed_fields,
            prepared.lag_ms(self.at),
            row.correlation_id,
        ));
        self.audit.push(AuditLine(
            number(row.seq),
            at,
            row.actor,
            row.kind,
            row.entity,
            row.entity_id,
            row.channel,
            row.event_id,
            row.correlation_id,
            row.source_version,
            row.received_at,
            row.changes,
            previous,
            hash,
        ));
        Some(self.newest_change)
    }

    /// Inserts what was added.
    pub(super) async fn write(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        insert(
            connection,
            "INSERT INTO timeline_events (id, case_id, occurred_at, event_type, title, \
             importance, created_at) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             value ->> 4, value ->> 5, value ->> 6 FROM json_each(?1)",
            &self.timeline,
        )
        .await?;
        insert(
            connection,
            "INSERT INTO audit (seq, at, actor, kind, entity, entity_id, channel, event_id, \
             correlation_id, source_version, received_at, changes, previous_hash, hash) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10, value ->> 11, \
             value ->> 12, value ->> 13 FROM json_each(?1)",
            &self.audit,
        )
        .await?;
        insert(
            connection,
            "INSERT INTO changes (seq, at, entity, entity_id, kind, label, fields, lag_ms, \
             correlation_id) SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, \
             value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8 FROM json_each(?1)",
            &self.changes,
        )
        .await
    }
}

async fn insert<T: Serialize>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    lines: &[T],
) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(lines).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
    sqlx::query(sql).bind(json).execute(connection).await.map(drop)
}
