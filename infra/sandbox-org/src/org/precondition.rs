//! What must hold for a row before it is written. Source: REST API guide, conditional requests.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::error::RecordError;
use super::row::Row;
use super::state::Org;
use crate::schema::ObjectType;

/// What must hold for the row that is updated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Precondition {
    /// It did not change after this instant, in seconds.
    pub(crate) unmodified_since: Option<i64>,
    /// It has one of these entity tags, or any for `*`.
    pub(crate) matches: Option<Vec<String>>,
    /// It has none of these entity tags.
    pub(crate) none_matches: Option<Vec<String>>,
}

impl Precondition {
    /// Refuses a row that does not fulfil it.
    pub(super) fn check(&self, object: &ObjectType, row: &Row) -> Result<(), RecordError> {
        let is_newer = self.unmodified_since.is_some_and(|since| Org::modified(row) > since);
        let has = |tags: &Vec<String>| {
            let tag = etag(object, row);
            tags.iter().any(|it| it == "*" || Some(it) == tag.as_ref())
        };
        // Only rows that have a tag are asked for it.
        let is_tagged = etag(object, row).is_some();
        let is_other = is_tagged && self.matches.as_ref().is_some_and(|tags| !has(tags));
        let is_same = is_tagged && self.none_matches.as_ref().is_some_and(has);
        if is_newer || is_other || is_same {
            let message = "The object has been modified since the specified date";
            return Err(RecordError::new("PRECONDITION_FAILED", message));
        }
        Ok(())
    }
}

/// Returns the entity tag of a row; only accounts have one. Source: REST API guide, entity tags.
#[must_use]
pub(crate) fn etag(object: &ObjectType, row: &Row) -> Option<String> {
    if object.name != "Account" {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    for (place, field) in object.fields.iter().enumerate() {
        row.get(place).to_xml_text(field.kind).hash(&mut hasher);
    }
    Some(format!("\"{:016x}\"", hasher.finish()))
}
