//! What the Pub/Sub service is started with.

use std::net::SocketAddr;
use std::time::Duration;

/// A channel of its own: events of some objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventChannel {
    /// Its name, such as `MbrSync__chn`; the topic is `/data/` and this.
    pub name: String,
    /// Objects whose events come on it.
    pub objects: Vec<String>,
    /// Fields of these objects that come along unchanged, with the values that they have when the
    /// event is delivered. Rows that changed alike are then told one by one, under one replay id.
    pub enriched_fields: Vec<String>,
}

/// A platform event: the topic is `/event/` and its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformEvent {
    /// Its name, such as `Low_Ink__e`.
    pub name: String,
    /// Its fields, each one line of text.
    pub fields: Vec<String>,
}

/// A subscription whose place the org keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedSubscription {
    /// Its id.
    pub id: String,
    /// Its name.
    pub developer_name: String,
    /// The topic.
    pub topic: String,
}

/// What the Pub/Sub service is started with.
#[derive(Clone, Debug)]
pub struct PubSubSettings {
    /// Where it listens; port 0 takes a free one. It is off when absent.
    pub address: Option<SocketAddr>,
    /// Channels besides `/data/ChangeEvents` and those of single objects.
    pub channels: Vec<EventChannel>,
    /// Platform events that can be published.
    pub platform_events: Vec<PlatformEvent>,
    /// Subscriptions whose place the org keeps.
    pub managed_subscriptions: Vec<ManagedSubscription>,
    /// How long a stream is silent before a sign of life is sent.
    pub keepalive: Duration,
    /// Events delivered in a day, to all streams together; no limit when absent.
    pub daily_deliveries: Option<u64>,
}

impl Default for PubSubSettings {
    /// Off. Source of the keepalive: Pub/Sub API guide, "Subscribe RPC Method".
    fn default() -> Self {
        Self {
            address: None,
            channels: Vec::new(),
            platform_events: Vec::new(),
            managed_subscriptions: Vec::new(),
            keepalive: Duration::from_secs(270),
            daily_deliveries: None,
        }
    }
}
