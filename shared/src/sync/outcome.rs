//! Turns a changed shadow into the one write that carries it: row, audit row, timeline and marks.

use super::mapping::{InvalidField, ObjectMapping};
use super::rulings::Rulings;
use crate::ids::{CorrelationId, EntityId, RecordId};
use crate::model::{Channel, Entity, FieldValue, Fields, Presence};
use crate::ports::{
    AuditDraft, FieldChange, MERGED_FIELD, Marks, OutboxKind, OutboxMark, PRESENCE_FIELD, Shadow,
    TimelineDraft, Write, WriteKind,
};
use crate::time::Timestamp;

/// Who changes something, how, and why.
#[derive(Clone, Copy, Debug)]
pub struct Cause<'a> {
    /// Who is named in the audit log, such as `salesforce:main` or `person:anna`.
    pub actor: &'a str,
    /// How the change reached us.
    pub channel: Channel,
    /// The event that caused it.
    pub event_id: &'a str,
    /// Follows the change to wherever it goes.
    pub correlation_id: &'a CorrelationId,
    /// The version of the source, or the instant of a change that was made here.
    pub version: Timestamp,
    /// When it was accepted.
    pub received_at: Timestamp,
    /// It was found by reading a whole object.
    pub is_backfill: bool,
}

/// Tells whether the row of `shadow` counts as deleted: by what was decided here, or by what is so
/// over there, or because the record is no longer one that is kept in step.
pub(super) fn is_row_deleted(shadow: &Shadow, mapping: &ObjectMapping) -> bool {
    let is_deleted = match shadow.edits.presence.as_ref().map(|it| &it.wanted) {
        Some(Presence::Present) => false,
        Some(Presence::Deleted | Presence::MergedInto(_)) => true,
        None => shadow.is_deleted && mapping.rules.deletes.direction.comes_in(),
    };
    let is_known = shadow.version > Timestamp::EPOCH;
    is_deleted || is_known && !mapping.takes(&shadow.fields)
}

/// Builds the write that moves the store from `before` to `after`.
pub(super) fn build_write(
    before: &Shadow,
    after: Shadow,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
    rulings: Rulings,
) -> Result<Write, InvalidField> {
    let connection = &after.key.connection;
    let row_before = mapping.row(connection, &before.edits.over(&before.fields))?;
    let row = mapping.row(connection, &after.edits.over(&after.fields))?;
    let was_deleted = is_row_deleted(before, mapping);
    let is_deleted = is_row_deleted(&after, mapping);
    let kind = match (before.revision, was_deleted, is_deleted) {
        (0, _, false) => WriteKind::Created,
        (_, false, true) => WriteKind::Deleted,
        (_, true, false) => WriteKind::Restored,
        _ => WriteKind::Updated,
    };
    let mut changes = differences(&row_before, &row);
    let into = survivor(before, &after, mapping);
    if let Some(into) = &into {
        let text = |id: &EntityId| FieldValue::Text(id.clone().into());
        let was = survivor_of(before, mapping).map_or(FieldValue::Null, |it| text(&it));
        changes.push(FieldChange::new(MERGED_FIELD, was, text(into)));
    }
    add_decisions(&mut changes, &row, is_deleted, &rulings);
    let is_visible = kind != WriteKind::Updated || !changes.is_empty();
    let timeline = match mapping.entity {
        Entity::Case if is_visible => timeline(kind, cause, &row, &changes),
        _ => Vec::new(),
    };
    let audit = is_visible.then(|| AuditDraft {
        actor: cause.actor.to_owned(),
        channel: cause.channel,
        event_id: cause.event_id.to_owned(),
        correlation_id: cause.correlation_id.clone(),
        changes,
        source_version: cause.version,
        received_at: cause.received_at,
        is_backfill: cause.is_backfill,
    });
    let marks = Marks {
        was_named: (before.key != after.key).then(|| before.key.record_id.clone()),
        outbox: outbox_mark(before, &after),
        conflicts: rulings.conflicts,
        merged_into: into,
    };
    Ok(Write {
        entity: mapping.entity,
        entity_id: after.entity_id.clone(),
        kind,
        row,
        is_deleted,
        shadow: after,
        audit,
        timeline,
        marks,
    })
}

/// Says what the outbox is to hold of the record. An event that leaves the edits as they are does
/// not make the relay try again what it has set aside.
fn outbox_mark(before: &Shadow, after: &Shadow) -> OutboxMark {
    if after.edits.waits() {
        let is_same = before.edits == after.edits && before.key == after.key;
        return if is_same { OutboxMark::Keep } else { OutboxMark::Send(outbox_kind(after)) };
    }
    if before.edits.waits() { OutboxMark::Clear } else { OutboxMark::Keep }
}

/// Names what the relay will do for the record.
pub(super) fn outbox_kind(shadow: &Shadow) -> OutboxKind {
    match shadow.edits.sendable_presence() {
        _ if shadow.key.record_id.as_local().is_some() => OutboxKind::Create,
        Some(Presence::Deleted) => OutboxKind::Delete,
        Some(Presence::MergedInto(_)) => OutboxKind::Merge,
        Some(Presence::Present) => OutboxKind::Undelete,
        None => OutboxKind::Update,
    }
}

/// Finds the row that takes this one's place, when a merge has just become known.
fn survivor(before: &Shadow, after: &Shadow, mapping: &ObjectMapping) -> Option<EntityId> {
    let into = survivor_of(after, mapping)?;
    (Some(&into) != survivor_of(before, mapping).as_ref()).then_some(into)
}

/// Finds the row that a record was merged into, by what was decided here or is so over there.
fn survivor_of(shadow: &Shadow, mapping: &ObjectMapping) -> Option<EntityId> {
    let wanted = shadow.edits.presence.as_ref().map(|it| &it.wanted);
    let id = match wanted {
        Some(Presence::MergedInto(id)) => id.clone(),
        _ => {
            let field = mapping.rules.merged_into.as_ref().filter(|_| shadow.is_deleted)?;
            RecordId::parse(shadow.fields.get(field)?.as_text()?).ok()?
        }
    };
    Some(EntityId::derive(&shadow.key.connection, &shadow.key.object, &id))
}

fn differences(before: &Fields, after: &Fields) -> Vec<FieldChange> {
    after
        .iter()
        .filter_map(|(field, after)| {
            let before = before.get(field).unwrap_or(&FieldValue::Null);
            (before != after)
                .then(|| FieldChange::new(field.as_str(), before.clone(), after.clone()))
        })
        .collect()
}

/// Writes into the audit row what was decided, also where the row stays as it is.
fn add_decisions(
    changes: &mut Vec<FieldChange>,
    row: &Fields,
    is_deleted: bool,
    rulings: &Rulings,
) {
    for (field, decision) in &rulings.decisions {
        let decision = decision.clone();
        match changes.iter_mut().find(|it| it.field == *field) {
            Some(change) => change.decisions.push(decision),
            None => {
                let value = match field.as_str() {
                    PRESENCE_FIELD => FieldValue::Bool(is_deleted),
                    field => row.get(field).cloned().unwrap_or_default(),
                };
                let change = FieldChange::new(field.as_str(), value.clone(), value);
                changes.push(FieldChange { decisions: vec![decision], ..change });
            }
        }
    }
    changes.sort_by(|a, b| a.field.cmp(&b.field));
}

fn timeline(
    kind: WriteKind,
    cause: Cause<'_>,
    row: &Fields,
    changes: &[FieldChange],
) -> Vec<TimelineDraft> {
    let version = cause.version;
    let place = if cause.channel == Channel::Api { "here" } else { "at its source" };
    match kind {
        WriteKind::Created => opening(version, row),
        WriteKind::Deleted => vec![event(version, "deleted", format!("Case deleted {place}"), 5)],
        WriteKind::Restored => {
            vec![event(version, "restored", format!("Case restored {place}"), 4)]
        }
        WriteKind::Updated => {
            let moved = changes.iter().filter(|it| it.before != it.after);
            moved.filter_map(|it| turn(version, it)).collect()
        }
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

/// Returns the row that a record and what was changed of it here make, and whether it counts as
/// deleted.
pub(super) fn row_of(
    shadow: &Shadow,
    mapping: &ObjectMapping,
) -> Result<(Fields, bool), InvalidField> {
    let row = mapping.row(&shadow.key.connection, &shadow.edits.over(&shadow.fields))?;
    Ok((row, is_row_deleted(shadow, mapping)))
}

/// Builds the write that makes a row what its record says; `actual` is the row as it was found, and
/// whether it counted as deleted.
pub(super) fn build_row_write(
    shadow: &Shadow,
    (actual, was_deleted): (&Fields, bool),
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<Write, InvalidField> {
    let mut write = build_write(shadow, shadow.clone(), mapping, cause, Rulings::default())?;
    write.kind = match (actual.is_empty(), was_deleted, write.is_deleted) {
        (true, _, false) => WriteKind::Created,
        (_, false, true) => WriteKind::Deleted,
        (_, true, false) => WriteKind::Restored,
        _ => WriteKind::Updated,
    };
    write.audit = Some(AuditDraft {
        actor: cause.actor.to_owned(),
        channel: cause.channel,
        event_id: cause.event_id.to_owned(),
        correlation_id: cause.correlation_id.clone(),
        changes: differences(actual, &write.row),
        source_version: cause.version,
        received_at: cause.received_at,
        is_backfill: cause.is_backfill,
    });
    Ok(write)
}
