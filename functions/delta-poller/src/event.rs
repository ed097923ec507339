//! Turns a record into the message that the sync worker takes.

use sha2::{Digest, Sha256};
use shared::ids::{ConnectionId, ObjectName};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use shared::ports::{NewMessage, Random, RemoteRecord};
use shared::telemetry::trace;
use shared::time::Timestamp;

/// What all messages of a page share.
pub(crate) struct Context<'a> {
    pub(crate) connection: &'a ConnectionId,
    pub(crate) object: &'a ObjectName,
    /// The reading that the page belongs to.
    pub(crate) generation: &'a str,
    pub(crate) is_backfill: bool,
    pub(crate) received_at: Timestamp,
    pub(crate) random: &'a dyn Random,
    pub(crate) max_body_bytes: usize,
}

/// Writes the message of `record`; one that would be longer than `max_body_bytes` goes without its
/// fields, and the worker reads them.
///
/// The dedupe key names the record, its version and its fields: the overlap of two windows costs
/// the queue a look, and a change within the same second as another is not taken for it.
pub(crate) fn message(
    context: &Context<'_>,
    record: RemoteRecord,
) -> serde_json::Result<NewMessage> {
    let Context { connection, object, generation, max_body_bytes, .. } = *context;
    let RemoteRecord { record_id, version, is_deleted, fields, unread } = record;
    let fingerprint = fingerprint(is_deleted, &fields);
    let event_id = format!("poll:{connection}:{object}:{record_id}:{version}:{fingerprint}");
    let event = ChangeEvent {
        event_id,
        key: RecordKey { connection: connection.clone(), object: object.clone(), record_id },
        change: if is_deleted { Change::Delete } else { Change::Upsert },
        version: Some(version),
        scope: Scope::Full,
        fields,
        unread,
        channel: Channel::Poll,
        received_at: context.received_at,
        is_backfill: context.is_backfill,
        correlation_id: context.random.correlation_id(),
    };
    message_of(event, generation, max_body_bytes)
}

/// Writes the message of `event`, in the same way.
pub(crate) fn message_of(
    mut event: ChangeEvent,
    generation: &str,
    max_body_bytes: usize,
) -> serde_json::Result<NewMessage> {
    let group = event.group();
    let dedupe_key = format!("{}:{generation}", event.event_id);
    let mut body = serde_json::to_string(&event)?;
    if body.len() > max_body_bytes {
        event.fields = Fields::new();
        event.scope = Scope::Changed;
        if event.change != Change::Delete {
            event.change = Change::Unknown;
        }
        body = serde_json::to_string(&event)?;
    }
    Ok(NewMessage {
        body,
        group: Some(group),
        dedupe_key: Some(dedupe_key),
        // One trace of a whole org would be of use to nobody.
        trace_parent: if event.is_backfill { None } else { trace::current() },
        ..NewMessage::default()
    })
}

/// Sums up what the record holds, in 32 hexadecimal digits.
fn fingerprint(is_deleted: bool, fields: &Fields) -> String {
    let mut digest = Sha256::new().chain_update([u8::from(is_deleted)]);
    for (name, value) in fields {
        let (kind, text) = match value {
            FieldValue::Null => (0_u8, String::new()),
            FieldValue::Bool(value) => (1, value.to_string()),
            FieldValue::Int(value) => (2, value.to_string()),
            FieldValue::Float(value) => (3, value.to_bits().to_string()),
            FieldValue::Text(value) => (4, value.clone()),
        };
        digest.update(name.len().to_le_bytes());
        digest.update(name.as_bytes());
        digest.update([kind]);
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use shared::ids::RecordId;
    use shared::ports::SystemRandom;

    use super::*;

    fn record(subject: &str, is_deleted: bool) -> RemoteRecord {
        RemoteRecord {
            record_id: RecordId::parse("5005f00002J9YYEAA3").unwrap(),
            version: Timestamp::from_millis(1_767_261_600_000),
            is_deleted,
            fields: Fields::from([("Subject", FieldValue::text(subject))]),
            unread: Vec::new(),
        }
    }

    fn written(record: RemoteRecord, max_body_bytes: usize) -> (NewMessage, ChangeEvent) {
        let connection = ConnectionId::parse("main").unwrap();
        let object = ObjectName::parse("Case").unwrap();
        let context = Context {
            connection: &connection,
            object: &object,
            generation: "0a1b2c3d",
            is_backfill: false,
            received_at: Timestamp::EPOCH,
            random: &SystemRandom,
            max_body_bytes,
        };
        let message = message(&context, record).unwrap();
        let event = serde_json::from_str(&message.body).unwrap();
        (message, event)
    }

    #[test]
    fn record_becomes_a_full_upsert_and_a_deleted_one_a_delete() {
        let (message, event) = written(record("Smith v. Jones", false), usize::MAX);
        assert_eq!((event.change, event.scope), (Change::Upsert, Scope::Full));
        assert_eq!(message.group.as_deref(), Some("main/Case/5005f00002J9YYEAA3"));
        assert_eq!(message.dedupe_key, Some(format!("{}:0a1b2c3d", event.event_id)));

        let (_, event) = written(record("Smith v. Jones", true), usize::MAX);
        assert_eq!(event.change, Change::Delete);
    }

    #[test]
    fn same_state_has_the_same_key_and_another_state_another() {
        let key = |it| written(it, usize::MAX).0.dedupe_key;
        assert_eq!(key(record("a", false)), key(record("a", false)));
        assert_ne!(key(record("a", false)), key(record("b", false)));
        assert_ne!(key(record("a", false)), key(record("a", true)));
    }

    #[test]
    fn record_too_long_for_the_queue_goes_without_fields_to_be_read_by_the_worker() {
        let (message, event) = written(record(&"x".repeat(10_000), false), 1024);
        assert!(message.body.len() <= 1024 && event.fields.is_empty());
        assert_eq!((event.change, event.scope), (Change::Unknown, Scope::Changed));
        assert!(event.version.is_some());
    }
}
