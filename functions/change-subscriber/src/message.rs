//! Turns changes into the messages that the sync worker takes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use shared::ids::{ConnectionId, TopicName};
use shared::model::{Change, ChangeEvent, Fields, Scope};
use shared::ports::{NewMessage, StreamedChange, UnreadableEvent};
use shared::sync::ObjectMapping;
use shared::telemetry::trace;

/// Writes the message of `change`; one that would be longer than `max_body_bytes` goes without its
/// fields, and the worker reads the record.
pub(crate) fn message(
    change: &StreamedChange,
    mapping: &ObjectMapping,
    max_body_bytes: usize,
) -> serde_json::Result<NewMessage> {
    let StreamedChange { event, dedupe_key } = change;
    let mut body = match is_whole(event, mapping) {
        true => serde_json::to_string(event)?,
        false => serde_json::to_string(&to_be_read(event))?,
    };
    if body.len() > max_body_bytes {
        body = serde_json::to_string(&to_be_read(event))?;
    }
    Ok(NewMessage {
        body,
        group: Some(event.group()),
        dedupe_key: Some(dedupe_key.clone()),
        trace_parent: trace::current(),
        ..NewMessage::default()
    })
}

/// Tells whether `event` carries what it says it does.
///
/// Events leave some fields out, such as those that are derived from another record. A new record
/// without a mapped field is not one whose field is empty.
/// Source: Change Data Capture guide, "Change Event Fields".
fn is_whole(event: &ChangeEvent, mapping: &ObjectMapping) -> bool {
    let is_there = |name: &str| {
        event.fields.contains_key(name)
            || event.fields.keys().any(|it| it.eq_ignore_ascii_case(name))
    };
    event.scope != Scope::Full || mapping.fields.iter().all(|it| is_there(&it.remote))
}

/// The same change, without its fields.
fn to_be_read(event: &ChangeEvent) -> ChangeEvent {
    let change = match event.change {
        Change::Delete => Change::Delete,
        _ => Change::Unknown,
    };
    ChangeEvent { change, scope: Scope::Changed, fields: Fields::new(), ..event.clone() }
}

/// Writes the message of an event that could not be read. The worker cannot take it either: it
/// becomes a dead letter that says which event of which schema it is, and holds it as it came.
pub(crate) fn dead_letter(
    connection: &ConnectionId,
    topic: &TopicName,
    event: &UnreadableEvent,
    max_body_bytes: usize,
) -> NewMessage {
    let UnreadableEvent { event_id, schema_id, replay_id, why, payload } = event;
    let body = |payload: Option<String>| {
        let described = json!({
            "connection": connection, "topic": topic, "event_id": event_id,
            "schema_id": schema_id, "replay_id": replay_id, "why": why, "payload": payload,
        });
        json!({ "unreadable_event": described }).to_string()
    };
    let whole = body(Some(STANDARD.encode(payload)));
    let body = if whole.len() > max_body_bytes { body(None) } else { whole };
    NewMessage {
        body,
        dedupe_key: Some(format!("unreadable:{connection}{topic}:{replay_id}:{event_id}")),
        ..NewMessage::default()
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::{CorrelationId, ObjectName, RecordId};
    use shared::model::{Channel, FieldValue, RecordKey};
    use shared::time::Timestamp;

    use super::*;

    fn mapping() -> ObjectMapping {
        let case = ObjectName::parse("Case").unwrap();
        shared::sync::testing::salesforce_mappings().get(&case).unwrap().clone()
    }

    fn change(change: Change, scope: Scope, fields: Fields) -> StreamedChange {
        let event = ChangeEvent {
            event_id: "k:1:5005f00000TgQ1aAAF".into(),
            key: RecordKey {
                connection: ConnectionId::parse("main").unwrap(),
                object: ObjectName::parse("Case").unwrap(),
                record_id: RecordId::parse("5005f00000TgQ1aAAF").unwrap(),
            },
            change,
            version: Some(Timestamp::from_millis(1_793_527_201_000)),
            scope,
            fields,
            unread: Vec::new(),
            channel: Channel::PubSub,
            received_at: Timestamp::EPOCH,
            is_backfill: false,
            correlation_id: CorrelationId::from_random(7),
        };
        StreamedChange { event, dedupe_key: "cdc:main:Case:k:1:5005f00000TgQ1aAAF".into() }
    }

    fn written(change: &StreamedChange, max_body_bytes: usize) -> ChangeEvent {
        let message = message(change, &mapping(), max_body_bytes).unwrap();
        assert_eq!(message.group.as_deref(), Some("main/Case/5005f00000TgQ1aAAF"));
        assert_eq!(message.dedupe_key.as_ref(), Some(&change.dedupe_key));
        serde_json::from_str(&message.body).unwrap()
    }

    fn all() -> Fields {
        let null = |field: String| (field, FieldValue::Null);
        mapping().remote_fields().into_iter().map(null).collect()
    }

    #[test]
    fn change_is_written_as_it_came() {
        let fields = Fields::from([("Status", FieldValue::text("Trial"))]);
        let updated = change(Change::Upsert, Scope::Changed, fields);
        assert_eq!(written(&updated, 100_000), updated.event);
        let created = change(Change::Upsert, Scope::Full, all());
        assert_eq!(written(&created, 100_000), created.event);
    }

    #[test]
    fn new_record_without_a_mapped_field_is_read() {
        let mut fields = all();
        fields.remove("Court__c");
        let read = written(&change(Change::Undelete, Scope::Full, fields), 100_000);
        assert_eq!((read.change, read.scope), (Change::Unknown, Scope::Changed));
        assert!(read.fields.is_empty());
    }

    #[test]
    fn change_that_is_too_long_is_read_and_a_delete_stays_one() {
        let long = || Fields::from([("Description", FieldValue::Text("x".repeat(900)))]);
        let read = written(&change(Change::Upsert, Scope::Changed, long()), 600);
        assert_eq!((read.change, read.fields.len()), (Change::Unknown, 0));
        let deleted = written(&change(Change::Delete, Scope::Changed, long()), 600);
        assert_eq!(deleted.change, Change::Delete);
    }

    #[test]
    fn unreadable_event_says_what_it_is_and_is_no_change_event() {
        let event = UnreadableEvent {
            event_id: "e-1".into(),
            schema_id: "S1".into(),
            replay_id: "00ff".into(),
            why: "it ends too early, at byte 1".into(),
            payload: vec![6, 102],
        };
        let connection = ConnectionId::parse("main").unwrap();
        let topic = TopicName::parse("/data/ChangeEvents").unwrap();
        let letter = dead_letter(&connection, &topic, &event, 100_000);
        assert!(serde_json::from_str::<ChangeEvent>(&letter.body).is_err());
        for part in [r#""schema_id":"S1""#, r#""replay_id":"00ff""#, "too early", "BmY="] {
            assert!(letter.body.contains(part), "`{part}` is not in {}", letter.body);
        }
        let short = dead_letter(&connection, &topic, &event, 10);
        assert!(short.body.contains(r#""payload":null"#), "{}", short.body);
        assert_eq!(short.dedupe_key, letter.dedupe_key);
    }
}
