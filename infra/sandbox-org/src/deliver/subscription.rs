//! Where changes are sent, and as what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What surrounds a change event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wrapper {
    /// Nothing: the event alone.
    #[default]
    None,
    /// The envelope of an EventBridge relay.
    EventBridge,
}

/// As what changes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionKind {
    /// SOAP outbound messages: creates and updates, with the current values.
    OutboundMessage,
    /// Change data capture events as JSON: all changes, with the values of the commit.
    ChangeEvents,
}

/// Where changes are sent.
#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    /// As what.
    pub kind: SubscriptionKind,
    /// Objects whose changes are sent.
    pub objects: Vec<String>,
    /// Fields of outbound messages; all fields when empty.
    #[serde(default)]
    pub fields: Vec<String>,
    /// Where to.
    pub url: String,
    /// What surrounds change events.
    #[serde(default)]
    pub wrapper: Wrapper,
    /// Headers to send along, such as a bearer token.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL and the headers may carry secrets.
        f.debug_struct("Subscription")
            .field("kind", &self.kind)
            .field("objects", &self.objects)
            .finish_non_exhaustive()
    }
}
