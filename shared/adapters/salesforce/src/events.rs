//! Which change events of an org are followed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use shared::config::{Form, Span};
use shared::ids::TopicName;
use shared::text_setting;
use url::{Host, Url};

/// A topic of change events: `/data/ChangeEvents`, that of one object, or a channel of the org.
/// Source: Change Data Capture guide, "Subscription Channels".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EventTopic(TopicName);

text_setting!(EventTopic, "salesforce-topic", ["/data/ChangeEvents"]);

/// Text that names no topic of change events.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is not a topic of change events: write `/data/ChangeEvents`, that of one object such \
     as `/data/CaseChangeEvent`, or a channel such as `/data/Sync__chn`"
)]
pub struct InvalidTopic {
    raw: String,
}

impl TryFrom<String> for EventTopic {
    type Error = InvalidTopic;

    fn try_from(raw: String) -> Result<Self, InvalidTopic> {
        let name = raw.strip_prefix("/data/").unwrap_or_default();
        let ends = ["ChangeEvents", "ChangeEvent", "__chn"];
        let is_topic = !name.contains('/') && ends.iter().any(|end| name.ends_with(end));
        match TopicName::parse(raw.as_str()) {
            Ok(topic) if is_topic => Ok(Self(topic)),
            _ => Err(InvalidTopic { raw }),
        }
    }
}

impl From<EventTopic> for String {
    fn from(topic: EventTopic) -> Self {
        topic.0.into()
    }
}

/// Which change events of the org are followed, by the Pub/Sub API.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventSettings {
    /// The topics. One that carries several objects costs one stream; the events of each count
    /// against the org's allowance as often as they are delivered.
    #[serde(default = "default_topics")]
    #[schemars(length(min = 1))]
    topics: Vec<EventTopic>,
    /// Where the Pub/Sub API is, when it is not the one for orgs anywhere; the one in the EU is
    /// `https://api.deu.pubsub.salesforce.com:7443`.
    #[serde(default)]
    #[schemars(extend(
        "format" = "salesforce-pub-sub-url",
        "examples" = ["https://api.pubsub.salesforce.com:7443"]
    ))]
    pub endpoint: Option<Url>,
    /// After how long without an event the connection needs a look, such as `12h`; a quiet org has
    /// none.
    #[serde(default)]
    no_event_after: Option<Span>,
}

fn default_topics() -> Vec<EventTopic> {
    EventTopic::try_from("/data/ChangeEvents".to_owned()).into_iter().collect()
}

impl EventSettings {
    /// Returns the topics, each once: a second stream of one topic would bring everything twice.
    pub fn topics(&self) -> impl Iterator<Item = &TopicName> {
        let mut seen = BTreeSet::new();
        self.topics.iter().map(|it| &it.0).filter(move |it| seen.insert(*it))
    }

    /// Returns after how long without an event the connection needs a look.
    pub fn no_event_after(&self) -> Option<std::time::Duration> {
        self.no_event_after.map(|it| it.0)
    }
}

/// Adds the checks of these texts to a form that holds their schema.
pub(crate) fn with_checks(form: Form) -> Form {
    form.with_text::<EventTopic>().with_check("salesforce-pub-sub-url", check_endpoint)
}

/// Tokens leave this machine encrypted.
fn check_endpoint(raw: &str) -> Result<(), String> {
    let example = "https://api.pubsub.salesforce.com:7443";
    let url = Url::parse(raw).ok().filter(|it| it.has_host() && it.path() == "/");
    let Some(url) = url else {
        return Err(format!("is not the address of the Pub/Sub API: write such as `{example}`"));
    };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_here => Ok(()),
        "http" => Err("is not encrypted: write `https:`, as tokens go there".to_owned()),
        _ => Err(format!("is not the address of the Pub/Sub API: write such as `{example}`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::settings::SalesforceSettings;

    fn read(events: &serde_json::Value) -> Result<SalesforceSettings, String> {
        SalesforceSettings::from_json(&json!({
            "connection": "main",
            "login_url": "https://firm.my.salesforce.com",
            "auth": {
                "flow": "client_credentials", "client_id": "3MVG", "client_secret": "env:SECRET",
            },
            "events": events,
        }))
        .map_err(|error| error.to_string())
    }

    #[test]
    fn empty_section_follows_all_change_events() {
        let events = read(&json!({})).unwrap().events.unwrap();
        let topics: Vec<_> = events.topics().map(TopicName::as_str).collect();
        assert_eq!(topics, ["/data/ChangeEvents"]);
        assert_eq!(events.endpoint, None);
        assert_eq!(events.no_event_after(), None);
    }

    #[test]
    fn topics_of_objects_and_channels_are_taken() {
        let topics = json!(["/data/CaseChangeEvent", "/data/Foo__ChangeEvent", "/data/Sync__chn"]);
        let settings = json!({"topics": topics, "endpoint": "http://127.0.0.1:7443"});
        assert_eq!(read(&settings).unwrap().events.unwrap().topics().count(), 3);
        let twice = json!({"topics": ["/data/ChangeEvents", "/data/ChangeEvents"]});
        assert_eq!(read(&twice).unwrap().events.unwrap().topics().count(), 1);
    }

    #[test]
    fn every_fault_is_named_with_what_to_write() {
        let message = read(&json!({
            "topics": ["CaseChangeEvent", "/data/Case", "/event/Ink__e", "/data/a/ChangeEvents"],
            "endpoint": "http://api.pubsub.salesforce.com:7443",
            "no_event_after": "soon",
            "topic": "x",
        }))
        .unwrap_err();
        for part in [
            "events.topics[0]: `CaseChangeEvent` is not a topic of change events: write",
            "events.topics[1]: `/data/Case`",
            "events.topics[2]: `/event/Ink__e`",
            "events.topics[3]: `/data/a/ChangeEvents`",
            "events.endpoint: is not encrypted: write `https:`",
            "events.no_event_after: `soon` is not a duration",
            "events.topic: is not a setting; did you mean `topics`?",
        ] {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
        let none = read(&json!({"topics": []})).unwrap_err();
        assert!(none.contains("events.topics"), "{none}");
    }
}
