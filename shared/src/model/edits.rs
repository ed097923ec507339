//! What was changed here and the platform does not have yet.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::field::FieldValue;
use super::fields::Fields;
use crate::ids::RecordId;
use crate::time::Timestamp;

/// Values that one field had here one after the other, and that may have reached the platform.
const MAX_EARLIER: usize = 8;

/// A field that was changed here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// What it shall be over there, in canonical form.
    pub value: FieldValue,
    /// When it was changed here.
    pub at: Timestamp,
    /// What it should have been before this: a value that comes back from the platform and is one
    /// of these is our own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<FieldValue>,
    /// The value that may be on its way: what the platform says meanwhile may be overwritten by it
    /// yet.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub flight: Option<FieldValue>,
    /// It waits for a person: both sides changed the field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_parked: bool,
}

impl Edit {
    /// Changes a field to `value` at `at`.
    pub fn new(value: FieldValue, at: Timestamp) -> Self {
        Self { value, at, earlier: Vec::new(), flight: None, is_parked: false }
    }

    /// Changes it once more.
    pub fn replace(&mut self, value: FieldValue, at: Timestamp) {
        let before = std::mem::replace(&mut self.value, value);
        self.at = at;
        if !self.earlier.contains(&before) {
            self.earlier.push(before);
            if self.earlier.len() > MAX_EARLIER {
                self.earlier.remove(0);
            }
        }
    }

    /// Tells whether a value of it may be on its way.
    pub fn is_in_flight(&self) -> bool {
        self.flight.is_some()
    }

    /// Tells whether `value`, seen over there, came from here.
    pub fn is_ours(&self, value: &FieldValue) -> bool {
        self.earlier.contains(value)
    }
}

/// Reads a value that is there, also when it is `null`.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<FieldValue>, D::Error> {
    FieldValue::deserialize(from).map(Some)
}

/// What shall become of a record as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It shall be there.
    Present,
    /// It shall be deleted.
    Deleted,
    /// It shall be merged into this record.
    MergedInto(RecordId),
}

/// A record that was deleted, restored or merged here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceEdit {
    /// What shall become of it.
    pub wanted: Presence,
    /// When that was decided here.
    pub at: Timestamp,
    /// It waits for a person: the other side changed the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_parked: bool,
}

/// A field that was last set over there by a write of ours that could not look first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overwrite {
    /// As of when the field was known when the write was prepared: a change after this, and before
    /// the write, was overwritten unseen.
    pub since: Timestamp,
    /// What it held then, what we wrote into it, and what became known of it meanwhile.
    pub seen: Vec<FieldValue>,
    /// When the field was last changed here.
    pub edited_at: Timestamp,
    /// The version of the last change that was found to have been overwritten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Timestamp>,
    /// The version of a change over there that has replaced ours since: what was overwritten
    /// up to it can only be told, not put back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Overwrite {
    /// Takes note that `value` is known to have stood there.
    pub fn saw(&mut self, value: &FieldValue) {
        if !self.seen.contains(value) {
            self.seen.push(value.clone());
            if self.seen.len() > 2 * MAX_EARLIER {
                self.seen.remove(0);
            }
        }
    }

    /// Takes note that we wrote `value`, which was given here at `edited_at`.
    pub fn wrote(&mut self, value: &FieldValue, edited_at: Timestamp) {
        self.edited_at = self.edited_at.max(edited_at);
        self.saw(value);
    }
}

/// What was changed of one record here and the platform does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edits {
    /// Fields by their remote names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, Edit>,
    /// The record as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<PresenceEdit>,
    /// What our writes may have overwritten unseen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub overwrites: BTreeMap<String, Overwrite>,
}

impl Edits {
    /// Tells whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.presence.is_none() && self.overwrites.is_empty()
    }

    /// Lists the fields that may be sent: those that wait for nobody and are not on their way.
    pub fn sendable(&self) -> impl Iterator<Item = (&String, &Edit)> {
        self.fields.iter().filter(|(_, edit)| !edit.is_parked && !edit.is_in_flight())
    }

    /// Lists the values that may be on their way.
    pub fn flights(&self) -> impl Iterator<Item = (&String, &FieldValue)> {
        self.fields.iter().filter_map(|(field, edit)| Some((field, edit.flight.as_ref()?)))
    }

    /// Returns what shall become of the record, when that may be sent.
    pub fn sendable_presence(&self) -> Option<&Presence> {
        self.presence.as_ref().filter(|it| !it.is_parked).map(|it| &it.wanted)
    }

    /// Tells whether the record has to be sent, or is on its way.
    pub fn waits(&self) -> bool {
        self.sendable_presence().is_some() || self.fields.values().any(|it| !it.is_parked)
    }

    /// Lays the edits over `fields`: what the record is here.
    pub fn over<'a>(&self, fields: &'a Fields) -> Cow<'a, Fields> {
        if self.fields.is_empty() {
            return Cow::Borrowed(fields);
        }
        let mut laid = fields.clone();
        laid.extend(self.fields.iter().map(|(name, edit)| (name.clone(), edit.value.clone())));
        Cow::Owned(laid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_remembers_what_may_have_been_sent_before() {
        let at = Timestamp::EPOCH;
        let mut edit = Edit::new(FieldValue::text("a"), at);
        edit.replace(FieldValue::text("b"), at);
        edit.replace(FieldValue::text("c"), at);
        assert!(edit.is_ours(&FieldValue::text("a")) && edit.is_ours(&FieldValue::text("b")));
        assert!(!edit.is_ours(&FieldValue::text("c")));
        for number in 0..100 {
            edit.replace(FieldValue::Int(number), at);
        }
        assert_eq!(edit.earlier.len(), MAX_EARLIER);
    }

    #[test]
    fn edits_lie_over_what_the_platform_has() {
        let fields = Fields::from([("Name".to_owned(), FieldValue::text("theirs"))]);
        let mut edits = Edits::default();
        assert!(matches!(edits.over(&fields), Cow::Borrowed(_)));
        let ours = Edit::new(FieldValue::text("ours"), Timestamp::EPOCH);
        edits.fields.insert("Name".to_owned(), ours);
        assert_eq!(edits.over(&fields)["Name"].as_text(), Some("ours"));
        assert!(edits.waits() && edits.sendable().count() == 1);
        if let Some(edit) = edits.fields.get_mut("Name") {
            edit.is_parked = true;
        }
        assert!(!edits.waits() && !edits.is_empty());
    }

    #[test]
    fn edits_come_back_from_json_as_they_went() {
        let mut edits = Edits::default();
        let mut edit = Edit::new(FieldValue::Null, Timestamp::EPOCH);
        edit.flight = Some(FieldValue::Null);
        edits.fields.insert("Name".to_owned(), edit);
        edits.presence = Some(PresenceEdit {
            wanted: Presence::MergedInto(RecordId::parse("001").unwrap()),
            at: Timestamp::EPOCH,
            is_parked: true,
        });
        let json = serde_json::to_string(&edits).unwrap();
        assert_eq!(serde_json::from_str::<Edits>(&json).unwrap(), edits);
        assert_eq!(serde_json::to_string(&Edits::default()).unwrap(), "{}");
    }
}
