//! Outbound messages as change events.

use sha2::{Digest, Sha256};
use shared::ids::{ObjectName, SalesforceId};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use shared::time::Timestamp;

use crate::intake::{Draft, Stamp};
use crate::refusal::Refusal;
use crate::senders::Connection;
use crate::soap::{Notification, OutboundMessage};

/// Makes one event of each notification.
///
/// # Errors
///
/// `Malformed` when one of them names no record; then none is taken.
pub(crate) fn drafts(
    connection: &Connection,
    message: OutboundMessage<'_>,
    stamp: &Stamp,
) -> Result<Vec<Draft>, Refusal> {
    message
        .notifications
        .into_iter()
        .enumerate()
        .map(|(idx, notification)| draft(connection, idx, notification, stamp))
        .collect()
}

fn draft(
    connection: &Connection,
    idx: usize,
    notification: Notification<'_>,
    stamp: &Stamp,
) -> Result<Draft, Refusal> {
    let place = |part: &str| format!("Notification[{idx}]/{part}");
    let notification_id = SalesforceId::parse(notification.id.trim())
        .map_err(|error| Refusal::malformed(place("Id"), error.to_string()))?;
    let object = ObjectName::parse(notification.object)
        .map_err(|error| Refusal::malformed(place("sObject/@xsi:type"), error.to_string()))?;
    let mut fields = Fields::new();
    for (name, value) in notification.fields {
        let value = value.map_or(FieldValue::Null, |it| FieldValue::text(&it));
        fields.insert(name, value);
    }
    let record_id = fields.get("Id").and_then(FieldValue::as_text).ok_or_else(|| {
        Refusal::malformed(place("sObject/Id"), "is missing: select `Id` in the outbound message")
    })?;
    let record_id = SalesforceId::parse(record_id)
        .map_err(|error| Refusal::malformed(place("sObject/Id"), error.to_string()))?
        .to_record_id();
    let version = version(&fields).map_err(|(field, message)| {
        Refusal::malformed(place(&format!("sObject/{field}")), message)
    })?;
    let name = connection.name.as_str();
    // A message that is sent again may carry newer values, even of the same second.
    let dedupe_key = format!("sf:{name}:{notification_id}:{}", digest(&fields));
    let event = ChangeEvent {
        event_id: notification_id.into(),
        key: RecordKey { connection: connection.name.clone(), object, record_id },
        change: Change::Upsert,
        version,
        scope: Scope::NonEmpty,
        fields,
        unread: Vec::new(),
        channel: Channel::OutboundMessage,
        received_at: stamp.received_at,
        is_backfill: false,
        correlation_id: stamp.correlation_id.clone(),
    };
    Ok(Draft { event, dedupe_key })
}

/// Reads the version: `SystemModstamp`, else `LastModifiedDate`, to the second.
fn version(fields: &Fields) -> Result<Option<Timestamp>, (&'static str, String)> {
    for field in ["SystemModstamp", "LastModifiedDate"] {
        if let Some(raw) = fields.get(field).and_then(FieldValue::as_text) {
            let version = Timestamp::parse(raw).map_err(|error| (field, error.to_string()))?;
            return Ok(Some(version.to_second()));
        }
    }
    Ok(None)
}

/// Digests the fields, to tell a message sent again with newer values from the same one again.
fn digest(fields: &Fields) -> String {
    let mut digest = Sha256::new();
    for (name, value) in fields {
        digest.update(name.as_bytes());
        digest.update([0]);
        digest.update(value.as_text().unwrap_or_default().as_bytes());
        digest.update([0]);
    }
    digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
