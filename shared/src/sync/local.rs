//! Changes that are made here: by a person, a program, or what was read out of a document.

use std::collections::BTreeMap;

use super::mapping::{FieldKind, FieldMapping, InvalidField, ObjectMapping, Unconvertible};
use super::outcome::{Cause, build_write, is_row_deleted};
use super::rulings::Rulings;
use crate::ids::{EntityId, RecordId};
use crate::model::{Edit, Entity, FieldValue, Fields, Presence, PresenceEdit};
use crate::ports::{Conflict, ConflictMark, PRESENCE_FIELD, Resolution, Shadow, Write};

/// What a change asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalChange {
    /// New values by our names; a reference is the id of our row.
    pub fields: Fields,
    /// What shall become of the record as a whole.
    pub presence: Option<Presence>,
}

/// The records that rows which a change refers to stand for.
pub type References = BTreeMap<EntityId, RecordId>;

/// Why a change cannot be made. `field` is our name of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such field.
    #[error("`{field}` is no field of `{entity}`: write one of {known}")]
    UnknownField {
        /// The field.
        field: String,
        /// The kind of row.
        entity: Entity,
        /// Those that there are.
        known: String,
    },
    /// The field comes from the platform only.
    #[error("`{field}` cannot be changed here: it comes from `{remote}` over there")]
    ReadOnly {
        /// The field.
        field: String,
        /// Its name over there.
        remote: String,
    },
    /// The value is not what the field holds.
    #[error("`{field}` does not take that: write {wanted}")]
    Invalid {
        /// The field.
        field: String,
        /// What it takes.
        wanted: String,
    },
    /// The value is too long.
    #[error("`{field}` takes at most {max_chars} characters, and this is {n_chars}")]
    TooLong {
        /// The field.
        field: String,
        /// What it takes.
        max_chars: u32,
        /// What was given.
        n_chars: usize,
    },
    /// The row that it refers to is not there.
    #[error("`{field}` names a row that is not there")]
    UnknownReference {
        /// The field.
        field: String,
    },
    /// The row is deleted.
    #[error("it is deleted: restore it first")]
    Deleted,
    /// The row is not deleted.
    #[error("it is not deleted")]
    NotDeleted,
    /// Deleting, restoring and merging are not sent to the platform.
    #[error("the mapping of `{object}` sends no deletions to the platform")]
    DeletesStayThere {
        /// The object over there.
        object: String,
    },
    /// What is stored does not fit its mapping.
    #[error("what is known of the record does not fit its mapping")]
    Unmapped {
        /// Why.
        source: InvalidField,
    },
}

impl From<InvalidField> for EditError {
    fn from(source: InvalidField) -> Self {
        Self::Unmapped { source }
    }
}

/// Makes `change` to the row of `shadow`; `None` when it is so already.
///
/// # Errors
///
/// [`EditError`] for the first field that cannot be changed so; nothing is changed then.
pub fn edit(
    shadow: &Shadow,
    change: &LocalChange,
    references: &References,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<Option<Write>, EditError> {
    let mut after = shadow.clone();
    let mut rulings = Rulings::default();
    match &change.presence {
        Some(wanted) => {
            set_presence(&mut after, wanted, mapping, cause)?;
            if shadow.edits.presence.as_ref().is_some_and(|it| it.is_parked) {
                rulings.conflicts.push(close(PRESENCE_FIELD, Resolution::Other, cause.actor));
                after.edits.fields.values_mut().for_each(|it| it.is_parked = false);
            }
        }
        None if shadow.revision > 0 && is_row_deleted(shadow, mapping) => {
            return Err(EditError::Deleted);
        }
        None => {}
    }
    for (name, value) in &change.fields {
        let (rule, value) = remote_value(mapping, name, value, references)?;
        let base = shadow.fields.get(&rule.remote).cloned().unwrap_or_default();
        match after.edits.fields.get_mut(&rule.remote) {
            Some(edit) if edit.value == value && !edit.is_parked => {}
            Some(edit) => {
                edit.replace(value, cause.version);
                if std::mem::take(&mut edit.is_parked) {
                    rulings.conflicts.push(close(&rule.remote, Resolution::Other, cause.actor));
                }
            }
            None if value == base && shadow.revision > 0 => {}
            None => {
                let edit = Edit::new(value, cause.version);
                after.edits.fields.insert(rule.remote.clone(), edit);
            }
        }
    }
    if after == *shadow && shadow.revision > 0 {
        return Ok(None);
    }
    Ok(Some(build_write(shadow, after, mapping, cause, rulings)?))
}

fn close(field: &str, resolution: Resolution, by: &str) -> ConflictMark {
    ConflictMark::Close { field: field.to_owned(), resolution, by: by.to_owned() }
}

fn set_presence(
    after: &mut Shadow,
    wanted: &Presence,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<(), EditError> {
    if !mapping.rules.deletes.direction.goes_out() {
        return Err(EditError::DeletesStayThere { object: mapping.object.to_string() });
    }
    match (wanted, is_row_deleted(after, mapping)) {
        (Presence::Present, false) => return Err(EditError::NotDeleted),
        (Presence::Deleted | Presence::MergedInto(_), true) => return Err(EditError::Deleted),
        _ => {}
    }
    let is_so_over_there = match wanted {
        Presence::Present => !after.is_deleted,
        Presence::Deleted => after.is_deleted,
        Presence::MergedInto(_) => false,
    };
    // What was wanted before may be on its way: then it is turned back over there.
    let may_be_on_its_way =
        after.edits.presence.is_some() && after.key.record_id.as_local().is_none();
    let is_sent = !is_so_over_there || may_be_on_its_way;
    after.edits.presence = is_sent.then(|| PresenceEdit {
        wanted: wanted.clone(),
        at: cause.version,
        is_parked: false,
    });
    Ok(())
}

/// Checks a value of ours and turns it into the platform's.
fn remote_value<'m>(
    mapping: &'m ObjectMapping,
    name: &str,
    value: &FieldValue,
    references: &References,
) -> Result<(&'m FieldMapping, FieldValue), EditError> {
    let field = || name.to_owned();
    let rule = mapping.local_field(name).ok_or_else(|| {
        let writable = mapping.fields.iter().filter(|it| it.direction.goes_out());
        let known = writable.map(|it| format!("`{}`", it.local)).collect::<Vec<_>>().join(", ");
        EditError::UnknownField { field: field(), entity: mapping.entity, known }
    })?;
    if !rule.direction.goes_out() {
        return Err(EditError::ReadOnly { field: field(), remote: rule.remote.clone() });
    }
    let invalid = |wanted: &str| EditError::Invalid { field: field(), wanted: wanted.to_owned() };
    if let FieldKind::Reference(_) = rule.kind {
        let Some(text) = value.as_text() else {
            return match value {
                FieldValue::Null => Ok((rule, FieldValue::Null)),
                _ => Err(invalid("the id of a row, or null")),
            };
        };
        let id = EntityId::parse(text).map_err(|_| invalid("the id of a row, or null"))?;
        let record =
            references.get(&id).ok_or_else(|| EditError::UnknownReference { field: field() })?;
        return Ok((rule, FieldValue::Text(record.as_str().to_owned())));
    }
    let value = match value {
        FieldValue::Text(text) => FieldValue::text(text),
        other => other.clone(),
    };
    let converted = rule.conversion.to_remote(value).map_err(|error| match error {
        Unconvertible::WrongKind { wanted } => invalid(wanted),
        Unconvertible::NoPrefix | Unconvertible::OneWay => invalid(&error.to_string()),
    })?;
    let value = rule.kind.canonical(&converted).ok_or_else(|| invalid(rule.kind.wanted()))?;
    if let (Some(max_chars), Some(text)) = (rule.max_chars, value.as_text()) {
        let n_chars = text.chars().count();
        if n_chars > max_chars.try_into().unwrap_or(usize::MAX) {
            return Err(EditError::TooLong { field: field(), max_chars, n_chars });
        }
    }
    Ok((rule, value))
}

/// What a person decides about a conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The value here stands.
    Local,
    /// The value over there stands.
    Remote,
    /// This value stands, in the form of our row.
    Other(FieldValue),
}

/// Ends `conflict` as decided.
///
/// # Errors
///
/// [`EditError`] when the value cannot be that of the field, or the conflict is about something
/// that no longer can be decided so.
pub fn resolve(
    shadow: &Shadow,
    conflict: &Conflict,
    verdict: &Verdict,
    references: &References,
    mapping: &ObjectMapping,
    cause: Cause<'_>,
) -> Result<Write, EditError> {
    let mut after = shadow.clone();
    let resolution = match verdict {
        Verdict::Local => Resolution::Local,
        Verdict::Remote => Resolution::Remote,
        Verdict::Other(_) => Resolution::Other,
    };
    let rulings = Rulings {
        conflicts: vec![close(&conflict.field, resolution, cause.actor)],
        ..Rulings::default()
    };
    if conflict.field == PRESENCE_FIELD {
        resolve_presence(&mut after, conflict, verdict, cause)?;
        return Ok(build_write(shadow, after, mapping, cause, rulings)?);
    }
    let is_parked = after.edits.fields.get(&conflict.field).is_some_and(|it| it.is_parked);
    let chosen = match verdict {
        Verdict::Local => None,
        // The value that was overwritten over there is put back.
        Verdict::Remote if !is_parked => Some(&conflict.remote_value),
        Verdict::Remote => {
            after.edits.fields.remove(&conflict.field);
            None
        }
        Verdict::Other(value) => Some(value),
    };
    let edits = &mut after.edits.fields;
    if let Some(value) = chosen {
        let (rule, value) = remote_value(mapping, &conflict.local_field, value, references)?;
        let edit = edits.entry(rule.remote.clone());
        edit.or_insert_with(|| Edit::new(value.clone(), cause.version))
            .replace(value, cause.version);
    }
    if let Some(edit) = edits.get_mut(&conflict.field) {
        edit.is_parked = false;
        edit.at = cause.version;
    }
    Ok(build_write(shadow, after, mapping, cause, rulings)?)
}

fn resolve_presence(
    after: &mut Shadow,
    conflict: &Conflict,
    verdict: &Verdict,
    cause: Cause<'_>,
) -> Result<(), EditError> {
    match verdict {
        Verdict::Other(_) => {
            return Err(EditError::Invalid {
                field: PRESENCE_FIELD.to_owned(),
                wanted: "`local` or `remote`: a record is there or it is not".to_owned(),
            });
        }
        Verdict::Remote => {
            let is_deletion = conflict.remote_value == FieldValue::Bool(true);
            // It lived over there, and a deletion of ours was on its way all the same.
            let comes_back = !is_deletion && after.is_deleted;
            after.edits.presence = comes_back.then_some(PresenceEdit {
                wanted: Presence::Present,
                at: cause.version,
                is_parked: false,
            });
            if is_deletion {
                after.edits.fields.clear();
            }
        }
        Verdict::Local => {
            if let Some(edit) = &mut after.edits.presence {
                edit.is_parked = false;
                edit.at = cause.version;
            }
            for edit in after.edits.fields.values_mut() {
                edit.is_parked = false;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
