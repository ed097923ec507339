//! Channels of change events, and the objects selected for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::filter::Filter;
use crate::events::{ChangeEvent, payload};
use crate::ids::RecordId;
use crate::org::RecordError;
use crate::schema::{FieldKind, Schema};

/// The channel that every org has.
pub(crate) const STANDARD: &str = "ChangeEvents";

/// Objects of the standard channel when nothing was set up.
const SELECTED: [&str; 3] = ["Account", "Contact", "Case"];

/// Most objects over all channels. Source: Change Data Capture guide, allocations.
const MAX_ENTITIES: usize = 5;
/// Most channels of an org's own. Source: Change Data Capture guide, allocations.
const MAX_CHANNELS: usize = 100;
/// Most fields that a member is enriched with. Source: Change Data Capture guide, enrichment.
const MAX_ENRICHED: usize = 10;

/// A channel.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Its id.
    pub(crate) id: RecordId,
    /// Its name, which ends with `__chn`.
    pub(crate) full_name: String,
    /// Its label.
    pub(crate) label: String,
}

/// An object that is selected for a channel.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// Its id.
    pub(crate) id: RecordId,
    /// Its name.
    pub(crate) full_name: String,
    /// Name of the channel: `ChangeEvents` or one that ends with `__chn`.
    pub(crate) channel: String,
    /// The object whose changes are told.
    pub(crate) object: String,
    /// What an event must fulfil to be delivered.
    pub(crate) filter: Option<Filter>,
    /// Fields whose values are always told, read when the event is delivered.
    pub(crate) enriched: Vec<String>,
}

impl Member {
    /// Returns the name of the object's change events.
    #[must_use]
    pub(crate) fn entity(&self) -> String {
        event_name(&self.object)
    }

    /// Tells whether an event is delivered.
    #[must_use]
    pub(crate) fn takes(&self, event: &ChangeEvent) -> bool {
        self.object == event.object.name
            && self.filter.as_ref().is_none_or(|filter| filter.passes(&payload(event)))
    }
}

/// Returns the name of an object's change events: `CaseChangeEvent`, `Foo__ChangeEvent`.
fn event_name(object: &str) -> String {
    match object.strip_suffix("__c") {
        Some(stem) => format!("{stem}__ChangeEvent"),
        None => format!("{object}ChangeEvent"),
    }
}

/// What a caller says about a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemberWish {
    pub(super) full_name: String,
    pub(super) channel: String,
    pub(super) entity: String,
    pub(super) filter: Option<String>,
    pub(super) enriched: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    last: u64,
    channels: BTreeMap<RecordId, Channel>,
    members: BTreeMap<RecordId, Member>,
}

/// All channels of the org.
#[derive(Debug)]
pub(crate) struct Channels(RwLock<Kept>);

impl Default for Channels {
    fn default() -> Self {
        let mut kept = Kept::default();
        for object in SELECTED {
            kept.last += 1;
            let id = RecordId::new(*b"0v8", kept.last);
            let member = Member {
                id,
                full_name: format!("{STANDARD}_{}", event_name(object)),
                channel: STANDARD.to_owned(),
                object: object.to_owned(),
                filter: None,
                enriched: Vec::new(),
            };
            kept.members.insert(id, member);
        }
        Self(RwLock::new(kept))
    }
}

fn required(name: &str) -> RecordError {
    let message = format!("Required field is missing: {name}");
    RecordError::new("REQUIRED_FIELD_MISSING", message).with_field(name)
}

fn taken(name: &str) -> RecordError {
    let message = format!("This Developer Name is already in use: {name}. Please choose another.");
    RecordError::new("DUPLICATE_DEVELOPER_NAME", message).with_field("DeveloperName")
}

fn wrong(message: impl Into<String>) -> RecordError {
    RecordError::new("FIELD_INTEGRITY_EXCEPTION", message)
}

impl Channels {
    fn kept(&self) -> RwLockReadGuard<'_, Kept> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_mut(&self) -> RwLockWriteGuard<'_, Kept> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the channels of the org's own.
    #[must_use]
    pub(crate) fn channels(&self) -> Vec<Channel> {
        self.kept().channels.values().cloned().collect()
    }

    /// Returns all members.
    #[must_use]
    pub(crate) fn members(&self) -> Vec<Member> {
        self.kept().members.values().cloned().collect()
    }

    /// Returns the members of a channel; nothing when there is no such channel. Names are case-sensitive.
    #[must_use]
    pub(crate) fn members_of(&self, channel: &str) -> Option<Vec<Member>> {
        let kept = self.kept();
        let is_known =
            channel == STANDARD || kept.channels.values().any(|known| known.full_name == channel);
        let members = kept.members.values().filter(|member| member.channel == channel);
        is_known.then(|| members.cloned().collect())
    }

    /// Returns a copy, on which changes can be tried.
    pub(super) fn copy(&self) -> Self {
        Self(RwLock::new(self.kept().clone()))
    }

    /// Takes over what was tried on a copy.
    pub(super) fn replace(&self, other: Self) {
        *self.kept_mut() = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    /// Makes a channel, or gives the one that is there its label; tells whether it is new.
    pub(super) fn add_or_relabel(&self, full_name: &str, label: &str) -> Result<bool, RecordError> {
        let known = self.channels().into_iter().find(|known| known.full_name == full_name);
        match known {
            Some(known) => self.relabel(known.id, label).map(|()| false),
            None => self.add(full_name, label).map(|_| true),
        }
    }

    /// Selects an object, or changes the member that is there; tells whether it is new.
    pub(super) fn select_or_reselect(
        &self,
        schema: &Schema,
        wish: MemberWish,
    ) -> Result<bool, RecordError> {
        let known = self.members().into_iter().find(|known| known.full_name == wish.full_name);
        match known {
            Some(known) => self.reselect(schema, known.id, &wish).map(|()| false),
            None => self.select(schema, wish).map(|_| true),
        }
    }

    /// Makes a channel.
    pub(super) fn add(&self, full_name: &str, label: &str) -> Result<RecordId, RecordError> {
        if !full_name.ends_with("__chn") || full_name.len() <= "__chn".len() {
            return Err(
                wrong("The FullName of a channel must end with __chn").with_field("FullName")
            );
        }
        if label.is_empty() {
            return Err(required("label"));
        }
        let mut kept = self.kept_mut();
        if kept.channels.values().any(|known| known.full_name.eq_ignore_ascii_case(full_name)) {
            return Err(taken(full_name.trim_end_matches("__chn")));
        }
        if kept.channels.len() >= MAX_CHANNELS {
            let message = format!("The org has the most channels it can have: {MAX_CHANNELS}");
            return Err(RecordError::new("LIMIT_EXCEEDED", message));
        }
        kept.last += 1;
        let id = RecordId::new(*b"0YL", kept.last);
        let (full_name, label) = (full_name.to_owned(), label.to_owned());
        kept.channels.insert(id, Channel { id, full_name, label });
        Ok(id)
    }

    /// Gives a channel another label.
    pub(super) fn relabel(&self, id: RecordId, label: &str) -> Result<(), RecordError> {
        let mut kept = self.kept_mut();
        let channel = kept.channels.get_mut(&id).ok_or_else(RecordError::not_found)?;
        label.clone_into(&mut channel.label);
        Ok(())
    }

    /// Selects an object for a channel.
    pub(super) fn select(
        &self,
        schema: &Schema,
        wish: MemberWish,
    ) -> Result<RecordId, RecordError> {
        let mut kept = self.kept_mut();
        let object = check_member(&kept, schema, &wish)?;
        let filter = wish.filter.as_deref().map(|text| check_filter(schema, &object, text));
        let filter = filter.transpose()?;
        let enriched = check_enriched(schema, &object, &wish.enriched)?;
        kept.last += 1;
        let id = RecordId::new(*b"0v8", kept.last);
        let (full_name, channel) = (wish.full_name, wish.channel);
        kept.members.insert(id, Member { id, full_name, channel, object, filter, enriched });
        Ok(id)
    }

    /// Changes filter and enrichment of a member, which is all that can be changed.
    pub(super) fn reselect(
        &self,
        schema: &Schema,
        id: RecordId,
        wish: &MemberWish,
    ) -> Result<(), RecordError> {
        let mut kept = self.kept_mut();
        let member = kept.members.get_mut(&id).ok_or_else(RecordError::not_found)?;
        let fixed = [
            ("selectedEntity", &wish.entity, &member.entity()),
            ("eventChannel", &wish.channel, &member.channel),
        ];
        for (name, wanted, known) in fixed {
            if !wanted.is_empty() && wanted != known {
                let message = format!(
                    "Update is not supported for the {name} field on platform event channel members."
                );
                return Err(wrong(message));
            }
        }
        let object = member.object.clone();
        let filter = wish.filter.as_deref().map(|text| check_filter(schema, &object, text));
        member.filter = filter.transpose()?;
        member.enriched = check_enriched(schema, &object, &wish.enriched)?;
        Ok(())
    }

    /// Takes a channel with its members, or a member, out; false when there is none.
    pub(super) fn remove(&self, id: RecordId) -> bool {
        let mut kept = self.kept_mut();
        if let Some(channel) = kept.channels.remove(&id) {
            kept.members.retain(|_, member| member.channel != channel.full_name);
            return true;
        }
        kept.members.remove(&id).is_some()
    }
}

/// Checks a member to be; returns its object.
fn check_member(kept: &Kept, schema: &Schema, wish: &MemberWish) -> Result<String, RecordError> {
    for (name, text) in [
        ("FullName", &wish.full_name),
        ("eventChannel", &wish.channel),
        ("selectedEntity", &wish.entity),
    ] {
        if text.is_empty() {
            return Err(required(name));
        }
    }
    let is_known = wish.channel == STANDARD
        || kept.channels.values().any(|channel| channel.full_name == wish.channel);
    if !is_known {
        return Err(wrong(format!("The channel does not exist: {}", wish.channel)));
    }
    let object = schema.objects().find(|object| event_name(&object.name) == wish.entity);
    let object = object.filter(|object| object.is_writable()).ok_or_else(|| {
        wrong(format!("The selected entity is not available for change events: {}", wish.entity))
    })?;
    let is_taken = kept.members.values().any(|member| {
        let same_place = member.channel == wish.channel && member.object == object.name;
        member.full_name.eq_ignore_ascii_case(&wish.full_name) || same_place
    });
    if is_taken {
        return Err(taken(&wish.full_name));
    }
    let mut entities: BTreeSet<&str> =
        kept.members.values().map(|member| member.object.as_str()).collect();
    entities.insert(&object.name);
    if entities.len() > MAX_ENTITIES {
        let message = format!("The org can select {MAX_ENTITIES} entities at most");
        return Err(RecordError::new("LIMIT_EXCEEDED", message));
    }
    Ok(object.name.clone())
}

fn check_filter(schema: &Schema, object: &str, text: &str) -> Result<Filter, RecordError> {
    let filter = Filter::parse(text).map_err(|error| wrong(error.to_string()))?;
    let known = schema.object(object);
    for field in filter.fields() {
        let top = field.split('.').next().unwrap_or_default();
        let is_known = top == "ChangeEventHeader"
            || known.is_some_and(|object| object.field(top).is_some() || top == "Name");
        if !is_known {
            return Err(wrong(format!("The filter names a field that does not exist: {field}")));
        }
    }
    Ok(filter)
}

fn check_enriched(
    schema: &Schema,
    object: &str,
    names: &[String],
) -> Result<Vec<String>, RecordError> {
    if names.len() > MAX_ENRICHED {
        return Err(wrong(format!("A member can have {MAX_ENRICHED} enriched fields at most")));
    }
    let object = schema.object(object).ok_or_else(RecordError::not_found)?;
    names
        .iter()
        .map(|name| {
            let (_, field) = object
                .field(name)
                .ok_or_else(|| wrong(format!("The enriched field does not exist: {name}")))?;
            if field.kind == FieldKind::TextArea && field.length > 255 {
                let message = format!("The field cannot be used for enrichment: {name}");
                return Err(wrong(message));
            }
            Ok(field.name.clone())
        })
        .collect()
}
