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
    let event = |occurred_at, event_type, title, importance| TimelineDraft {
        occurred_at,
        event_type,
        title,
        importance,
    };
    let instant = |column: &str| {
        row.get(column).and_then(FieldValue::as_text).and_then(|raw| Timestamp::parse(raw).ok())
    };
    match kind {
        WriteKind::Deleted => {
            return vec![event(version, "deleted", "Case deleted at its source".to_owned(), 5)];
        }
        WriteKind::Restored => {
            return vec![event(version, "restored", "Case restored at its source".to_owned(), 4)];
        }
        WriteKind::Created => {
            let mut events = vec![event(
                instant("opened_at").unwrap_or(version),
                "opened",
                "Case opened".to_owned(),
                3,
            )];
            if let Some(closed_at) = instant("closed_at") {
                events.push(event(closed_at, "closed", "Case closed".to_owned(), 4));
            }
            return events;
        }
        WriteKind::Updated => {}
    }
    changes
        .iter()
        .filter_map(|change| match change.field.as_str() {
            "status" => {
                let title = format!("Status changed from {} to {}", change.before, change.after);
                Some(event(version, "status_change", title, 3))
            }
            "priority" => {
                let title = format!("Priority changed from {} to {}", change.before, change.after);
                Some(event(version, "priority_change", title, 2))
            }
            "court" => {
                let title = format!("Court changed from {} to {}", change.before, change.after);
                Some(event(version, "court_change", title, 3))
            }
            "is_closed" if change.after == FieldValue::Bool(true) => {
                Some(event(version, "closed", "Case closed".to_owned(), 4))
            }
            "is_closed" if change.before == FieldValue::Bool(true) => {
                Some(event(version, "reopened", "Case reopened".to_owned(), 4))
            }
            _ => None,
        })
        .collect()
}
