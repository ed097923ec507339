//! Signed webhooks of other systems, in our own form.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::ids::{ObjectName, RecordId};
use shared::model::{Change, ChangeEvent, Channel, Fields, RecordKey, Scope};
use shared::time::Timestamp;

use crate::intake::{Draft, Stamp};
use crate::refusal::Refusal;
use crate::senders::Source;

/// The one type of webhook taken so far.
const RECORD_CHANGED: &str = "record.changed";
/// Longer ids are refused, so that one fits any queue's dedupe key.
const MAX_ID_CHARS: usize = 200;

/// A webhook. Source: Standard Webhooks, "Payload structure".
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    timestamp: Timestamp,
    /// Read only once the type is known, and then straight from the text.
    #[serde(borrow)]
    data: &'a RawValue,
}

/// What changed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    object: ObjectName,
    record_id: RecordId,
    #[serde(default = "upsert")]
    change: Change,
    version: Option<Timestamp>,
    #[serde(default = "changed")]
    scope: Scope,
    #[serde(default)]
    fields: Fields,
}

fn upsert() -> Change {
    Change::Upsert
}

fn changed() -> Scope {
    Scope::Changed
}

/// Makes the event of one webhook with the proven `id`.
///
/// # Errors
///
/// `Malformed`, naming the part at fault; an unknown part is at fault too, so that a misspelt one
/// is not lost.
pub(crate) fn draft(source: &Source, id: &str, text: &str, stamp: Stamp) -> Result<Draft, Refusal> {
    if id.is_empty() || id.len() > MAX_ID_CHARS {
        let message = format!("is not 1 to {MAX_ID_CHARS} characters long");
        return Err(Refusal::malformed("webhook-id", message));
    }
    let webhook: Webhook<'_> = serde_json::from_str(text)
        .map_err(|error| Refusal::malformed("body", format!("cannot be read: {error}")))?;
    if webhook.kind != RECORD_CHANGED {
        let message = format!("is not known here: send `{RECORD_CHANGED}`");
        return Err(Refusal::malformed("type", message));
    }
    let record: Record = serde_json::from_str(webhook.data.get())
        .map_err(|error| Refusal::malformed("data", format!("cannot be read: {error}")))?;
    let event = ChangeEvent {
        event_id: id.to_owned(),
        key: RecordKey {
            connection: source.name.clone(),
            object: record.object,
            record_id: record.record_id,
        },
        change: record.change,
        version: Some(record.version.unwrap_or(webhook.timestamp)),
        scope: record.scope,
        fields: record.fields,
        unread: Vec::new(),
        channel: Channel::Webhook,
        received_at: stamp.received_at,
        is_backfill: false,
        correlation_id: stamp.correlation_id,
    };
    Ok(Draft { event, dedupe_key: format!("wh:{}:{id}", source.name) })
}
