//! Merges one event into what we hold of its record.
//!
//! A record is a map of registers: each field, and whether the record is deleted, carries the
//! version it is known as of. The later version wins, whatever the order of arrival, so events may
//! come late, twice, or not at all. Two different values of one version cannot be ordered: the
//! source stores its versions to the second. Then, and whenever an event does not carry what is
//! needed, the record is read from its source.
//!
//! What was changed here lies over the registers as edits. An event that moves a register below an
//! edit is a conflict, which [`rulings`](super::rulings) settles.

use std::time::Duration;

use super::mapping::{InvalidField, ObjectMapping};
use super::outcome::{Cause, build_write};
use super::rulings::{LateChange, rule};
use crate::model::{Change, ChangeEvent, Edit, Edits, FieldValue, Fields, Scope};
use crate::ports::{Shadow, Write};
use crate::time::Timestamp;

/// What an event comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Merged {
    /// We know all of it already, or something later.
    Nothing,
    /// The record must be read from its source; says why.
    ReadRecord(&'static str),
    /// Write this.
    Write(Box<Write>),
}

/// How far an event is to be believed when versions are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// It was sent to us: with equal versions it proves nothing.
    Reported,
    /// It was read from the source just now: with equal versions it wins.
    Read,
}

/// What [`merge`] knows about the platform of an event.
#[derive(Clone, Copy, Debug)]
pub struct MergeContext<'a> {
    /// The mapping of the event's object.
    pub mapping: &'a ObjectMapping,
    /// Who is named in the audit log, such as `salesforce:main`.
    pub actor: &'a str,
    /// How far the event is to be believed.
    pub authority: Authority,
    /// The event that made us read the record, when this one is what was read.
    pub reported: Option<&'a ChangeEvent>,
}

/// Merges `event` into `shadow`: that of its record, or of the row made here that the record is.
///
/// # Errors
///
/// [`InvalidField`] when a mapped field does not hold what its mapping says.
pub fn merge(
    event: &ChangeEvent,
    shadow: Option<&Shadow>,
    context: MergeContext<'_>,
) -> Result<Merged, InvalidField> {
    let before = shadow.cloned().unwrap_or_else(|| Shadow::unseen(event.key.clone()));
    absorb(event, &before, before.clone(), Vec::new(), context)
}

/// Merges `event` into `after`, which a step of ours may have changed since `before`; `late` are
/// changes over there that the step has replaced.
pub(super) fn absorb(
    event: &ChangeEvent,
    before: &Shadow,
    mut after: Shadow,
    mut late: Vec<LateChange>,
    context: MergeContext<'_>,
) -> Result<Merged, InvalidField> {
    let MergeContext { mapping, authority, .. } = context;
    let Some(version) = event.version else {
        return Ok(Merged::ReadRecord("the event carries no version"));
    };
    after.key = event.key.clone();

    let is_deleted = match event.change {
        Change::Unknown => return Ok(Merged::ReadRecord("the event carries no fields")),
        Change::Delete => true,
        Change::Upsert | Change::Undelete => false,
    };
    if !set_presence(&mut after, is_deleted, version, authority) {
        return Ok(Merged::ReadRecord("deleted and not deleted at one version"));
    }
    let incoming = mapping.canonical(&event.fields)?;
    // A delete says nothing of fields, unless the record was read: then it may name its survivor.
    if !is_deleted || event.scope == Scope::Full && !incoming.is_empty() {
        let news = News { fields: incoming, unread: &event.unread, scope: event.scope, version };
        match set_fields(&mut after, news, context) {
            Taken::All => {}
            Taken::Missing => {
                return Ok(Merged::ReadRecord("the event does not carry every mapped field"));
            }
            Taken::Tie => return Ok(Merged::ReadRecord("two values at one version")),
        }
    }
    let is_new = before.revision == 0;
    if is_new && !mapping.takes(&after.fields) {
        return Ok(Merged::Nothing);
    }
    after.edits.overwrites.retain(|_, it| event.received_at.since(it.since) < KEPT_FOR);
    let cause = Cause {
        actor: context.actor,
        channel: event.channel,
        event_id: &event.event_id,
        correlation_id: &event.correlation_id,
        version,
        received_at: event.received_at,
        is_backfill: event.is_backfill,
    };
    late.extend(late_changes(context.reported.unwrap_or(event), &after, mapping)?);
    let rulings = rule(before, &mut after, late, mapping, cause)?;
    if after == *before && !is_new && rulings.is_empty() {
        return Ok(Merged::Nothing);
    }
    Ok(Merged::Write(Box::new(build_write(before, after, mapping, cause, rulings)?)))
}

/// How long what a write may have overwritten is kept: no event comes later.
/// Source: change events are kept for 72 hours.
const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// Tells whether every mapped field was known once: false for a tombstone that came first, and for
/// a row that was made here.
fn has_base(shadow: &Shadow) -> bool {
    shadow.version > Timestamp::EPOCH
}

/// Moves the presence register; false on a tie that only the source can settle.
fn set_presence(
    shadow: &mut Shadow,
    is_deleted: bool,
    version: Timestamp,
    authority: Authority,
) -> bool {
    if version < shadow.presence_version {
        return true;
    }
    let is_tie = version == shadow.presence_version && is_deleted != shadow.is_deleted;
    if is_tie && authority == Authority::Reported {
        return false;
    }
    shadow.presence_version = version;
    shadow.is_deleted = is_deleted;
    true
}

/// What an event says of fields.
struct News<'a> {
    fields: Fields,
    unread: &'a [String],
    scope: Scope,
    version: Timestamp,
}

/// How the fields of an event were taken in.
enum Taken {
    All,
    Missing,
    Tie,
}

fn set_fields(shadow: &mut Shadow, news: News<'_>, context: MergeContext<'_>) -> Taken {
    let News { fields: mut incoming, unread, scope, version } = news;
    let is_whole = match scope {
        Scope::Full => {
            fill_absent(&mut incoming, context.mapping, unread);
            unread.is_empty()
        }
        Scope::Changed if !has_base(shadow) => return Taken::Missing,
        Scope::Changed => false,
        Scope::NonEmpty => {
            let n_sent = incoming.len();
            fill_absent(&mut incoming, context.mapping, unread);
            let is_complete = incoming.len() == n_sent;
            if !is_complete && !is_known(shadow, &incoming, version) {
                return Taken::Missing;
            }
            true
        }
    };
    for (field, value) in incoming {
        let known_as_of = shadow.version_of(&field);
        let is_same = shadow.fields.get(&field).unwrap_or(&FieldValue::Null) == &value;
        if version < known_as_of {
            continue;
        }
        if version == known_as_of && !is_same && context.authority == Authority::Reported {
            return Taken::Tie;
        }
        if !is_whole && version > known_as_of {
            shadow.field_versions.insert(field.as_str().to_owned(), version);
        }
        if !is_same {
            note_change(shadow, &field, &value, version);
            shadow.fields.insert(field, value);
        }
    }
    if is_whole && version >= shadow.version {
        shadow.version = version;
        shadow.field_versions.retain(|_, known_as_of| *known_as_of > version);
    }
    Taken::All
}

/// A change that is known cannot be overwritten unseen any more. One that comes after our write has
/// replaced it knowingly.
fn note_change(shadow: &mut Shadow, field: &str, value: &FieldValue, version: Timestamp) {
    let Edits { fields, overwrites, .. } = &mut shadow.edits;
    let is_in_flight = fields.get(field).is_some_and(Edit::is_in_flight);
    if let Some(overwrite) = overwrites.get_mut(field) {
        if !overwrite.seen.contains(value) && !is_in_flight {
            overwrite.until = overwrite.until.max(Some(version));
        }
        overwrite.saw(value);
    }
}

fn fill_absent(fields: &mut Fields, mapping: &ObjectMapping, unread: &[String]) {
    for (name, _) in mapping.registers() {
        if !fields.contains_key(name) && !unread.iter().any(|it| it == name) {
            fields.insert(name.to_owned(), FieldValue::Null);
        }
    }
}

/// Tells whether an event that leaves out empty fields brings nothing new: it is older than all we
/// know, or it is the very state we hold, with what it left out being empty here too.
fn is_known(shadow: &Shadow, incoming: &Fields, version: Timestamp) -> bool {
    has_base(shadow)
        && (version < shadow.version
            || (version == shadow.version
                && incoming.iter().all(|(field, value)| {
                    shadow.fields.get(field).unwrap_or(&FieldValue::Null) == value
                })))
}

/// Finds in `event` changes that a write of ours has overwritten unseen: they happened after that
/// write was prepared and before it was done.
fn late_changes(
    event: &ChangeEvent,
    after: &Shadow,
    mapping: &ObjectMapping,
) -> Result<Vec<LateChange>, InvalidField> {
    let Some(version) = event.version.filter(|_| !after.edits.overwrites.is_empty()) else {
        return Ok(Vec::new());
    };
    let is_late = |field: &str, value: &FieldValue| {
        let overwrite = after.edits.overwrites.get(field);
        let is_unseen = overwrite.is_some_and(|it| version > it.since && !it.seen.contains(value));
        let is_put_back = after.edits.fields.get(field).is_some_and(|it| it.value == *value);
        is_unseen
            && version <= after.version_of(field)
            && after.fields.get(field).unwrap_or(&FieldValue::Null) != value
            && !is_put_back
    };
    let fields = mapping.canonical(&event.fields)?;
    Ok(fields
        .into_iter()
        .filter(|(field, value)| is_late(field, value))
        .map(|(field, value)| (field.into(), value, version))
        .collect())
}

#[cfg(test)]
mod tests;
