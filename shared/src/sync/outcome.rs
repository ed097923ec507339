//! Turns a merged record into the one write that carries it, with its audit row and timeline.

use super::merge::MergeContext;
use crate::model::{ChangeEvent, Entity, FieldValue, Fields};
use crate::ports::{AuditDraft, FieldChange, Shadow, TimelineDraft, Write, WriteKind};
use crate::time::Timestamp;

/// Builds the write that moves the store from `before` to `after`.
pub(super) fn build_write(
    event: &ChangeEvent,
    version: Timestamp,
    before: &Shadow,
    after: Shadow,
    context: MergeContext<'_>,
) -> Write {
    let mapping = context.mapping;
    let connection = &event.key.connection;
    let row_before = mapping.row(connection, &before.fields);
    let row = mapping.row(connection, &after.fields);
    let changes = differences(&row_before, &row);
    let kind = match (before.revision, before.is_deleted, after.is_deleted) {
        (0, _, false) => WriteKind::Created,
        (_, false, true) => WriteKind::Deleted,
        (_, true, false) => WriteKind::Restored,
        _ => WriteKind::Updated,
    };
    let is_visible = kind != WriteKind::Updated || !changes.is_empty();
    let timeline = match mapping.entity {
        Entity::Case if is_visible => timeline(kind, version, &row, &changes),
        _ => Vec::new(),
    };
    let audit = is_visible.then(|| AuditDraft {
        actor: context.actor.to_owned(),
        channel: event.channel,
        event_id: event.event_id.clone(),
        correlation_id: event.correlation_id.clone(),
        changes,
        source_version: version,
        received_at: event.received_at,
        is_backfill: event.is_backfill,
    });
    Write {
        entity: mapping.entity,
        entity_id: event.key.entity_id(),
        kind,
        row,
        shadow: after,
        audit,
        timeline,
    }
}

fn differences(before: &Fields, after: &Fields) -> Vec<FieldChange> {
    after
        .iter()
        .filter_map(|(field, after)| {
            let before = before.get(field).unwrap_or(&FieldValue::Null);
            (before != after).then(|| FieldChange {
                field: field.clone(),
                before: before.clone(),
                after: after.clone(),
            })
        })
        .collect()
}

fn timeline(
    kind: WriteKind,
    version: Timestamp,
    row: &Fields,
    changes: &[FieldChange],
) -> Vec<TimelineDraft> {
    match kind {
        WriteKind::Created => opening(version, row),
        WriteKind::Deleted => vec![event(version, "deleted", "Case deleted at its source", 5)],
        WriteKind::Restored => vec![event(version, "restored", "Case restored at its source", 4)],
        WriteKind::Updated => changes.iter().filter_map(|it| turn(version, it)).collect(),
    }
}

fn event(
    occurred_at: Timestamp,
    event_type: &'static str,
    title: impl Into<String>,
    importance: u8,
) -> TimelineDraft {
    TimelineDraft { occurred_at, event_type, title: title.into(), importance }
}

/// What is known of a case that is new to us: it may have been closed long ago.
fn opening(version: Timestamp, row: &Fields) -> Vec<TimelineDraft> {
    let instant = |column: &str| {
        row.get(column).and_then(FieldValue::as_text).and_then(|raw| Timestamp::parse(raw).ok())
    };
    let opened_at = instant("opened_at").unwrap_or(version);
    let closed = instant("closed_at").map(|at| event(at, "closed", "Case closed", 4));
    std::iter::once(event(opened_at, "opened", "Case opened", 3)).chain(closed).collect()
}

/// Tells what a changed field means to the people who work on the case, if anything.
fn turn(version: Timestamp, change: &FieldChange) -> Option<TimelineDraft> {
    let moved = |what: &str| format!("{what} changed from {} to {}", change.before, change.after);
    let is = |value: &FieldValue| *value == FieldValue::Bool(true);
    match change.field.as_str() {
        "status" => Some(event(version, "status_change", moved("Status"), 3)),
        "priority" => Some(event(version, "priority_change", moved("Priority"), 2)),
        "court" => Some(event(version, "court_change", moved("Court"), 3)),
        "is_closed" if is(&change.after) => Some(event(version, "closed", "Case closed", 4)),
        "is_closed" if is(&change.before) => Some(event(version, "reopened", "Case reopened", 4)),
        _ => None,
    }
}
