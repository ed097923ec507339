//! What a subscriber is told.

use std::time::Duration;

use shared::ids::{ConnectionId, ObjectName, TopicName};
use url::Url;

/// The settings of one connection's event streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PubSubSettings {
    /// Our name of the connection.
    pub connection: ConnectionId,
    /// The topics, such as `/data/ChangeEvents`, each followed by itself.
    pub topics: Vec<TopicName>,
    /// Where the service is; `https://api.pubsub.salesforce.com:7443` when absent.
    pub endpoint: Option<Url>,
    /// After how long without an event something must be wrong; `None` for a quiet org.
    pub no_event_after: Option<Duration>,
}

/// Returns the object whose changes `topic` carries; `None` when it carries those of several.
///
/// Source: Change Data Capture guide, "Subscription Channels": `/data/CaseChangeEvent`,
/// `/data/Foo__ChangeEvent` for `Foo__c`, `/data/ChangeEvents` and `/data/Name__chn` for many.
pub(crate) fn object_of(topic: &TopicName) -> Option<ObjectName> {
    let name = topic.as_str().strip_prefix("/data/")?.strip_suffix("ChangeEvent")?;
    let name = match name.strip_suffix("__") {
        Some(custom) => format!("{custom}__c"),
        None => name.to_owned(),
    };
    ObjectName::parse(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_of_one_object_names_it() {
        for (topic, object) in [
            ("/data/CaseChangeEvent", Some("Case")),
            ("/data/Foo__ChangeEvent", Some("Foo__c")),
            ("/data/ChangeEvents", None),
            ("/data/MbrSync__chn", None),
            ("/event/Low_Ink__e", None),
        ] {
            let found = object_of(&TopicName::parse(topic).unwrap());
            assert_eq!(found.as_ref().map(ObjectName::as_str), object, "{topic}");
        }
    }
}
