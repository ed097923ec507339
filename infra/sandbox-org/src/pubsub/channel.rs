//! Channels: which objects' events come on which topic.

use std::sync::Arc;

use super::settings::EventChannel;
use crate::ids::RecordId;
use crate::org::Value;
use crate::sandbox::State;
use crate::schema::ObjectType;

/// A topic that can be subscribed to.
#[derive(Clone, Debug)]
pub(super) enum Channel {
    /// `/data/ChangeEvents`: every object.
    All,
    /// `/data/CaseChangeEvent`: one object.
    One(String),
    /// `/data/Name__chn`: some objects, and perhaps fields that come along unchanged.
    Custom(EventChannel),
    /// `/event/Name__e`: events that are published.
    Platform(String),
}

impl Channel {
    /// Finds the channel of a topic; names are compared letter by letter.
    pub(super) fn find(state: &State, topic: &str) -> Option<Self> {
        if let Some(name) = topic.strip_prefix("/event/") {
            let is_known = state.settings.pub_sub.platform_events.iter().any(|it| it.name == name);
            return is_known.then(|| Self::Platform(name.to_owned()));
        }
        let name = topic.strip_prefix("/data/")?;
        if name == "ChangeEvents" {
            return Some(Self::All);
        }
        let custom = state.settings.pub_sub.channels.iter().find(|it| it.name == name);
        if let Some(channel) = custom {
            return Some(Self::Custom(channel.clone()));
        }
        let object = object_name(name)?;
        let schema = state.schema();
        let found = schema.objects().find(|it| it.is_writable() && it.name == object)?;
        Some(Self::One(found.name.clone()))
    }

    /// Tells whether events of `object` come on it.
    pub(super) fn takes(&self, object: &ObjectType) -> bool {
        match self {
            Self::All => object.is_writable(),
            Self::One(name) => *name == object.name,
            Self::Custom(channel) => channel.objects.contains(&object.name),
            Self::Platform(_) => false,
        }
    }

    /// Returns the object whose schema the topic has; none when events of several come on it.
    pub(super) fn object(&self, state: &State) -> Option<Arc<ObjectType>> {
        match self {
            Self::One(name) => state.schema().object(name).cloned(),
            _ => None,
        }
    }

    /// Tells whether fields come along unchanged: then rows that changed alike are told one by one.
    pub(super) fn is_enriched(&self, object: &ObjectType) -> bool {
        matches!(self, Self::Custom(channel)
            if channel.enriched_fields.iter().any(|it| object.place(it).is_some()))
    }

    /// Returns the values that come along, as they are now: not as they were at the commit.
    pub(super) fn enriched(
        &self,
        state: &State,
        object: &ObjectType,
        id: RecordId,
    ) -> Vec<(usize, Value)> {
        let Self::Custom(channel) = self else { return Vec::new() };
        let org = state.org();
        let Some((_, row)) = org.row(id) else { return Vec::new() };
        let value = |name: &String| {
            let place = object.place(name)?;
            Some((place, row.get(place).clone())).filter(|it| !it.1.is_null())
        };
        channel.enriched_fields.iter().filter_map(value).collect()
    }
}

/// Returns the object that `CaseChangeEvent` or `Foo__ChangeEvent` is about.
fn object_name(event: &str) -> Option<String> {
    let name = event.strip_suffix("ChangeEvent")?;
    Some(match name.strip_suffix("__") {
        Some(custom) => format!("{custom}__c"),
        None => name.to_owned(),
    })
}
