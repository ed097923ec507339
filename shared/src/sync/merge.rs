//! Merges one event into what we hold of its record.
//!
//! A record is a map of registers: each field, and whether the record is deleted, carries the
//! version it is known as of. The later version wins, whatever the order of arrival, so events may
//! come late, twice, or not at all. Two different values of one version cannot be ordered: the
//! source stores its versions to the second. Then, and whenever an event does not carry what is
//! needed, the record is read from its source.

use super::mapping::{InvalidField, ObjectMapping};
use super::outcome::build_write;
use crate::model::{Change, ChangeEvent, FieldValue, Fields, Scope};
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
}

/// Merges `event` into `shadow`.
///
/// # Errors
///
/// [`InvalidField`] when a mapped field does not hold what its mapping says.
pub fn merge(
    event: &ChangeEvent,
    shadow: Option<&Shadow>,
    context: MergeContext<'_>,
) -> Result<Merged, InvalidField> {
    let Some(version) = event.version else {
        return Ok(Merged::ReadRecord("the event carries no version"));
    };
    let before = shadow.cloned().unwrap_or_else(|| unseen(event));
    let mut after = before.clone();

    let is_deleted = match event.change {
        Change::Unknown => return Ok(Merged::ReadRecord("the event carries no fields")),
        Change::Delete => true,
        Change::Upsert | Change::Undelete => false,
    };
    if !set_presence(&mut after, is_deleted, version, context.authority) {
        return Ok(Merged::ReadRecord("deleted and not deleted at one version"));
    }
    if !is_deleted {
        let incoming = context.mapping.canonical(&event.fields)?;
        match set_fields(&mut after, incoming, version, event.scope, context) {
            Taken::All => {}
            Taken::Missing => {
                return Ok(Merged::ReadRecord("the event does not carry every mapped field"));
            }
            Taken::Tie => return Ok(Merged::ReadRecord("two values at one version")),
        }
    }
    if after == before && shadow.is_some() {
        return Ok(Merged::Nothing);
    }
    Ok(Merged::Write(Box::new(build_write(event, version, &before, after, context))))
}

/// What we hold of a record that was never seen.
fn unseen(event: &ChangeEvent) -> Shadow {
    Shadow {
        key: event.key.clone(),
        fields: Fields::new(),
        version: Timestamp::EPOCH,
        field_versions: std::collections::BTreeMap::new(),
        presence_version: Timestamp::EPOCH,
        is_deleted: false,
        revision: 0,
    }
}

/// Tells whether every mapped field was known once: false for a tombstone that came first.
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

/// How the fields of an event were taken in.
enum Taken {
    All,
    Missing,
    Tie,
}

fn set_fields(
    shadow: &mut Shadow,
    mut incoming: Fields,
    version: Timestamp,
    scope: Scope,
    context: MergeContext<'_>,
) -> Taken {
    let is_whole = match scope {
        Scope::Full => {
            fill_absent(&mut incoming, context.mapping);
            true
        }
        Scope::Changed if !has_base(shadow) => return Taken::Missing,
        Scope::Changed => false,
        Scope::NonEmpty => {
            let n_sent = incoming.len();
            fill_absent(&mut incoming, context.mapping);
            let is_complete = incoming.len() == n_sent;
            if !is_complete && !is_known(shadow, &incoming, version) {
                return Taken::Missing;
            }
            true
        }
    };
    for (field, value) in incoming {
        let known_as_of = *shadow.field_versions.get(&field).unwrap_or(&shadow.version);
        let is_same = shadow.fields.get(&field).unwrap_or(&FieldValue::Null) == &value;
        if version < known_as_of {
            continue;
        }
        if version == known_as_of && !is_same && context.authority == Authority::Reported {
            return Taken::Tie;
        }
        if !is_whole && version > known_as_of {
            shadow.field_versions.insert(field.clone(), version);
        }
        if !is_same {
            shadow.fields.insert(field, value);
        }
    }
    if is_whole && version >= shadow.version {
        shadow.version = version;
        shadow.field_versions.retain(|_, known_as_of| *known_as_of > version);
    }
    Taken::All
}

fn fill_absent(fields: &mut Fields, mapping: &ObjectMapping) {
    for field in &mapping.fields {
        if !fields.contains_key(&field.remote) {
            fields.insert(field.remote.clone(), FieldValue::Null);
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

#[cfg(test)]
mod tests;
