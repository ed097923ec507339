//! One change of one record, as every source reports it and every queue carries it.

use serde::{Deserialize, Serialize};

use super::fields::Fields;
use crate::ids::{ConnectionId, CorrelationId, EntityId, ObjectName, RecordId};
use crate::time::Timestamp;

/// Names one record of one remote system.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RecordKey {
    /// The connection it came by.
    pub connection: ConnectionId,
    /// Its object, such as `Case`.
    pub object: ObjectName,
    /// Its id over there; for Salesforce the 18-character form.
    pub record_id: RecordId,
}

impl RecordKey {
    /// Returns the key of the row `id`, made here, until the platform has named its record.
    #[must_use]
    pub fn of_local(&self, id: &EntityId) -> Self {
        Self { record_id: RecordId::of_local(id), ..self.clone() }
    }

    /// Derives the id of our row for this record.
    pub fn entity_id(&self) -> EntityId {
        EntityId::derive(&self.connection, &self.object, &self.record_id)
    }
}

impl std::fmt::Display for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.connection, self.object, self.record_id)
    }
}

/// What happened to the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It was created or updated; some sources cannot say which.
    Upsert,
    /// It was deleted.
    Delete,
    /// It came back from the recycle bin.
    Undelete,
    /// It changed in a way the event does not carry: read it from its source.
    Unknown,
}

/// How much of the record the fields of an event are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All that is mapped: a mapped field that is absent has no value.
    Full,
    /// Only what changed: an absent field is as it was.
    Changed,
    /// Only what has a value: an absent field may be unchanged, empty, or not selected.
    NonEmpty,
}

/// How an event reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A Salesforce outbound message.
    OutboundMessage,
    /// A Salesforce change event (CDC), alone or relayed by EventBridge.
    ChangeEvent,
    /// A Salesforce change event (CDC) that we fetched from the Pub/Sub API.
    PubSub,
    /// The delta poller.
    Poll,
    /// A signed webhook of another system.
    Webhook,
    /// A person who asked us to, through the API or the command line.
    Api,
    /// The reading of a whole object, for the first time or again.
    Load,
    /// The answer to a write of ours.
    WriteBack,
    /// The comparison of both sides.
    Reconcile,
}

impl Channel {
    /// Returns the name used in logs, metrics and audit rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutboundMessage => "outbound_message",
            Self::ChangeEvent => "change_event",
            Self::PubSub => "pub_sub",
            Self::Poll => "poll",
            Self::Webhook => "webhook",
            Self::Api => "api",
            Self::Load => "load",
            Self::WriteBack => "write_back",
            Self::Reconcile => "reconcile",
        }
    }
}

/// One change of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// The source's own id of this event: the same event may arrive twice with the same id.
    pub event_id: String,
    /// The record that changed.
    #[serde(flatten)]
    pub key: RecordKey,
    /// What happened.
    pub change: Change,
    /// When the source says it happened, to the second for Salesforce. It orders changes; the time
    /// of arrival never does. `None` when the source did not say: then the record must be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Timestamp>,
    /// How much of the record `fields` are.
    pub scope: Scope,
    /// The fields by their remote names, as sent.
    #[serde(default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// Fields that the source did not let us read: they are as they were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// How it reached us.
    pub channel: Channel,
    /// When we accepted it.
    pub received_at: Timestamp,
    /// It was found by reading a whole object: how long it took says nothing about the sync lag.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_backfill: bool,
    /// Follows it to the audit row.
    pub correlation_id: CorrelationId,
}

impl ChangeEvent {
    /// Returns the queue group: one record is handled by one worker at a time.
    pub fn group(&self) -> String {
        self.key.to_string()
    }
}
