//! What stands beside the body of a message.

use std::collections::HashMap;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use shared::time::Timestamp;

/// The group, on a queue that has none of its own.
pub(crate) const GROUP: &str = "group";
/// The trace, as a W3C `traceparent`.
pub(crate) const TRACE_PARENT: &str = "traceparent";
/// Of a dead letter: the id that the message had.
pub(crate) const ID: &str = "id";
/// Of a dead letter: how often it was handed out.
pub(crate) const N_ATTEMPTS: &str = "attempts";
/// Of a dead letter: why it was set aside.
pub(crate) const REASON: &str = "reason";
/// Of a dead letter: when it was sent, in milliseconds since 1970.
pub(crate) const SENT_AT: &str = "sent_at";
/// Of a dead letter: when it was set aside, in milliseconds since 1970.
pub(crate) const DIED_AT: &str = "died_at";

/// Characters of a reason that are kept.
const MAX_REASON: usize = 1_000;

pub(crate) type Attributes = HashMap<String, MessageAttributeValue>;

/// Writes a text. SQS takes the characters of XML 1.0 only, and no empty text.
///
/// # Errors
///
/// Never: the type is given.
pub(crate) fn text(value: &str) -> Result<MessageAttributeValue, BuildError> {
    let value: String =
        value.chars().take(MAX_REASON).map(|it| if is_taken(it) { it } else { ' ' }).collect();
    let value = if value.is_empty() { "-".to_owned() } else { value };
    MessageAttributeValue::builder().data_type("String").string_value(value).build()
}

/// Whether SQS takes this character. Source: API reference of SQS, `SendMessage`.
pub(crate) fn is_taken(it: char) -> bool {
    matches!(it, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

pub(crate) fn text_of<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.message_attributes()?.get(name)?.string_value()
}

pub(crate) fn instant_of(message: &Message, name: &str) -> Option<Timestamp> {
    text_of(message, name)?.parse().ok().map(Timestamp::from_millis)
}

pub(crate) fn system<'a>(
    message: &'a Message,
    name: &MessageSystemAttributeName,
) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

/// Returns the group, wherever the queue keeps it.
pub(crate) fn group_of(message: &Message) -> Option<&str> {
    text_of(message, GROUP)
}

/// Returns when the message was sent to the queue that it is in.
pub(crate) fn queued_at(message: &Message) -> Timestamp {
    let millis = system(message, &MessageSystemAttributeName::SentTimestamp);
    millis.and_then(|it| it.parse().ok()).map_or(Timestamp::EPOCH, Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_is_cut_and_freed_of_what_sqs_does_not_take() {
        let value = text(&format!("a\u{0}b{}", "ü".repeat(2_000))).unwrap();
        let value = value.string_value().unwrap();
        assert!(value.starts_with("a bü"));
        assert_eq!(value.chars().count(), MAX_REASON);
        assert_eq!(text("").unwrap().string_value(), Some("-"));
    }
}
