//! Tells the events of Lambda's sources apart.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::time::Timestamp;

/// An event, as far as it must be known to pick its handler.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// A batch of an SQS queue: each record is still text, so that a bad one fails alone.
    Sqs(Vec<&'a RawValue>),
    /// A tick of an EventBridge rule or schedule.
    Schedule(ScheduledEvent),
    /// Another event of an EventBridge bus, with its id.
    Bus(String),
    /// A deployment asks whether this version is sound.
    Check,
    /// Anything else: an API Gateway or function URL request.
    Http,
}

/// What a schedule's event says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScheduledEvent {
    /// When it was due.
    pub(crate) due_at: Option<Timestamp>,
    /// The last parts of the ARNs of the rule or schedule.
    pub(crate) rules: Vec<String>,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(rename = "Records", borrow, default)]
    records: Option<Vec<&'a RawValue>>,
    #[serde(rename = "detail-type", borrow, default)]
    detail_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(borrow, default)]
    moodbridge: Option<Cow<'a, str>>,
}

/// What a deployment writes under `moodbridge`. No source of events can: what strangers send stands
/// deeper, in bodies and details.
const CHECK: &str = "check";

impl<'a> Event<'a> {
    /// Reads the outermost keys of `payload`.
    pub(crate) fn of(payload: &'a str) -> Self {
        let Ok(shape) = serde_json::from_str::<Shape<'a>>(payload) else { return Self::Http };
        if let Some(records) = shape.records {
            return Self::Sqs(records);
        }
        if shape.moodbridge.as_deref() == Some(CHECK) {
            return Self::Check;
        }
        match (shape.detail_type.as_deref(), shape.source.as_deref()) {
            (Some("Scheduled Event"), _) | (_, Some("aws.scheduler")) => {
                Self::Schedule(ScheduledEvent {
                    due_at: shape.time.and_then(|time| Timestamp::parse(&time).ok()),
                    rules: shape.resources.iter().map(|arn| last_part(arn).to_owned()).collect(),
                })
            }
            (Some(_), Some(_)) => Self::Bus(shape.id.unwrap_or_default().into_owned()),
            _ => Self::Http,
        }
    }
}

/// Returns what stands behind the last `:` or `/` of an ARN.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit([':', '/']).next().unwrap_or(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batch_is_recognised_without_looking_into_its_records() {
        let event = Event::of(r#"{"Records":[{"body":1},"nonsense"]}"#);
        assert!(matches!(event, Event::Sqs(records) if records.len() == 2));
    }

    #[test]
    fn tick_of_a_rule_says_when_and_which() {
        let event = Event::of(
            r#"{"version":"0","id":"1","detail-type":"Scheduled Event","source":"aws.events",
            "time":"2026-11-01T10:00:00Z","resources":["arn:aws:events:eu-west-1:1:rule/dev-poll"],
            "detail":{}}"#,
        );
        let Event::Schedule(tick) = event else { panic!("{event:?}") };
        assert_eq!(tick.rules, ["dev-poll"]);
        assert_eq!(tick.due_at.unwrap().to_string(), "2026-11-01T10:00:00.000Z");
    }

    #[test]
    fn relayed_event_keeps_its_id() {
        let event =
            Event::of(r#"{"id":"e1","detail-type":"X","source":"aws.partner/sf","detail":{}}"#);
        assert!(matches!(event, Event::Bus(id) if id == "e1"));
    }

    #[test]
    fn question_of_a_deployment_is_one_only_at_the_top() {
        assert!(matches!(Event::of(r#"{"moodbridge":"check"}"#), Event::Check));
        for other in [r#"{"moodbridge":"x"}"#, r#"{"body":"{\"moodbridge\":\"check\"}"}"#] {
            assert!(matches!(Event::of(other), Event::Http), "{other}");
        }
        let batch = r#"{"Records":[],"moodbridge":"check"}"#;
        assert!(matches!(Event::of(batch), Event::Sqs(_)), "messages come first");
    }

    #[test]
    fn request_and_nonsense_are_left_to_the_http_adapter() {
        assert!(matches!(Event::of(r#"{"version":"2.0","rawPath":"/"}"#), Event::Http));
        assert!(matches!(Event::of("[]"), Event::Http));
    }
}
