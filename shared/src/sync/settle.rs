//! What the platform's answer to a write of ours means for its record.

use super::mapping::{InvalidField, ObjectMapping};
use super::merge::{Authority, MergeContext, Merged, absorb};
use super::outcome::{Cause, build_write};
use super::rulings::{LateChange, Rulings, rule};
use crate::ids::RecordId;
use crate::model::{
    Change, ChangeEvent, Channel, FieldValue, Fields, Overwrite, Presence, PresenceEdit, Scope,
};
use crate::ports::{RemoteRecord, Shadow, Write};
use crate::time::Timestamp;

/// What was sent of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Fields by their remote names, as they are kept here.
    pub fields: Fields,
    /// What was to become of the record.
    pub presence: Option<Presence>,
}

/// Marks what is about to be sent of `shadow` without a guard, so that whatever happens meanwhile
/// is not mistaken for what the platform holds in the end.
#[must_use]
pub fn depart(shadow: &Shadow, sent: &Sent) -> Shadow {
    let mut leaving = shadow.clone();
    for (field, value) in &sent.fields {
        let Some(edit) = leaving.edits.fields.get_mut(field.as_str()) else { continue };
        if edit.value == *value {
            edit.flight = Some(value.clone());
            // What an earlier write may have overwritten is not forgotten.
            let overwrite =
                leaving.edits.overwrites.entry(field.into()).or_insert_with(|| Overwrite {
                    since: shadow.version_of(field),
                    seen: Vec::new(),
                    edited_at: edit.at,
                    found: None,
                    until: None,
                });
            overwrite.saw(shadow.fields.get(field).unwrap_or(&FieldValue::Null));
            overwrite.wrote(value, edit.at);
        }
    }
    leaving
}

/// Takes note that nothing of what was marked by [`depart`] was taken.
#[must_use]
pub fn stay(shadow: &Shadow) -> Shadow {
    let mut staying = shadow.clone();
    for (field, edit) in staying.edits.fields.iter_mut().filter(|(_, it)| it.is_in_flight()) {
        edit.flight = None;
        staying.edits.overwrites.remove(field);
    }
    staying
}

/// Settles the record that the platform has taken as `record_id`; `state` is how it stands there
/// now, when that was read after the write.
///
/// # Errors
///
/// [`InvalidField`] when what was read does not fit its mapping.
pub fn settle(
    shadow: &Shadow,
    sent: &Sent,
    record_id: &RecordId,
    state: Option<RemoteRecord>,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<Write, InvalidField> {
    let mut after = shadow.clone();
    after.key.record_id = record_id.clone();
    let mut replaced = Vec::new();
    for (field, value) in &sent.fields {
        replaced.extend(arrive(&mut after, field, value));
    }
    if let Some(presence) = &sent.presence {
        arrive_presence(&mut after, presence, cause);
        note_survivor(&mut after, presence, mapping);
    }
    let Some(state) = state else {
        let rulings = rule(shadow, &mut after, replaced, mapping, cause)?;
        return build_write(shadow, after, mapping, cause, rulings);
    };
    let event = state_event(&after, state, cause);
    let context =
        MergeContext { mapping, actor: cause.actor, authority: Authority::Read, reported: None };
    match absorb(&event, shadow, after.clone(), replaced, context)? {
        Merged::Write(write) => Ok(*write),
        Merged::Nothing | Merged::ReadRecord(_) => {
            build_write(shadow, after, mapping, cause, Rulings::default())
        }
    }
}

/// Takes note of what a record was merged into, so that its event brings nothing new.
fn note_survivor(after: &mut Shadow, sent: &Presence, mapping: &ObjectMapping) {
    if let (Presence::MergedInto(into), Some(field)) = (sent, &mapping.rules.merged_into)
        && into.as_local().is_none()
    {
        after.fields.insert(field.clone(), FieldValue::Text(into.as_str().to_owned()));
    }
}

/// Takes note that the record is `sent` over there.
fn arrive_presence(after: &mut Shadow, sent: &Presence, cause: Cause<'_>) {
    let wanted = after.edits.presence.as_ref().map(|it| &it.wanted);
    let is_wanted = wanted == Some(sent);
    if !is_wanted && after.key.record_id.as_local().is_some() {
        // It never was over there, and somebody has thought better of dropping it.
        return;
    }
    let is_deletion = *sent != Presence::Present;
    match wanted {
        _ if is_wanted => after.edits.presence = None,
        // It was to live after all when this was on its way.
        None if is_deletion && !after.is_deleted => {
            let (wanted, at) = (Presence::Present, cause.version);
            after.edits.presence = Some(PresenceEdit { wanted, at, is_parked: false });
        }
        None => return,
        Some(_) => {}
    }
    // The version of the answer is not known yet: whatever is said later goes above it.
    after.is_deleted = is_deletion;
    if is_deletion && is_wanted {
        after.edits.fields.clear();
    }
}

/// Takes note that the platform has `value` in `field`; tells what that has replaced over there
/// although we knew of it.
fn arrive(after: &mut Shadow, field: &str, value: &FieldValue) -> Option<LateChange> {
    let theirs = after.fields.insert(field.to_owned(), value.clone()).unwrap_or_default();
    let edit = after.edits.fields.get_mut(field);
    // Without an edit, another write of ours was faster, and what is known came after that.
    let (edited_at, has_edit) = edit.as_ref().map_or((Timestamp::EPOCH, false), |it| (it.at, true));
    if let Some(edit) = edit {
        edit.flight = None;
        if edit.value == *value {
            after.edits.fields.remove(field);
        } else if !edit.earlier.contains(value) {
            edit.earlier.push(value.clone());
        }
    }
    // What an earlier write overwrote unseen may still become known.
    let version = after.version_of(field);
    let overwrite = after.edits.overwrites.get_mut(field)?;
    overwrite.wrote(value, edited_at);
    let is_replaced = !has_edit && theirs != *value;
    is_replaced.then(|| {
        overwrite.until = None;
        (field.to_owned(), theirs, version)
    })
}

/// Reports `state` as an event.
fn state_event(after: &Shadow, state: RemoteRecord, cause: Cause<'_>) -> ChangeEvent {
    let RemoteRecord { version, is_deleted, fields, unread, .. } = state;
    ChangeEvent {
        event_id: cause.event_id.to_owned(),
        key: after.key.clone(),
        change: if is_deleted { Change::Delete } else { Change::Upsert },
        version: Some(version),
        scope: Scope::Full,
        fields,
        unread,
        channel: Channel::WriteBack,
        received_at: cause.received_at,
        is_backfill: false,
        correlation_id: cause.correlation_id.clone(),
    }
}

#[cfg(test)]
mod tests;
