//! Change events as JSON, the way `CometD` and event relays carry them.

use serde_json::{Map, Value as Json, json};

use super::event::{ChangeEvent, ChangeKind};
use super::layout::place;
use crate::ids::RecordId;
use crate::org::{Value, instant_text};
use crate::schema::{Field, FieldKind, ObjectType};

fn value_json(value: &Value, kind: FieldKind) -> Json {
    match value {
        Value::Instant(at) => Json::String(instant_text(*at, "Z")),
        other => other.to_json(kind),
    }
}

fn put(body: &mut Map<String, Json>, object: &ObjectType, field: &Field, value: Json) {
    match place(object, field) {
        (None, name) => {
            body.insert(name.to_owned(), value);
        }
        (Some(compound), name) => {
            let inner = body.entry(compound).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                inner.insert(name.to_owned(), value);
            }
        }
    }
}

/// Writes an event: its fields, and the header that tells what happened.
#[must_use]
pub(crate) fn payload(event: &ChangeEvent) -> Json {
    let mut body = Map::new();
    let mut changed = Vec::new();
    for change in &event.fields {
        let Some(field) = event.object.fields.get(change.place) else { continue };
        if event.kind == ChangeKind::Update {
            let (compound, name) = place(&event.object, field);
            changed.push(compound.map_or(name.to_owned(), |compound| format!("{compound}.{name}")));
        }
        // A changed field that is missing from the body was set to null.
        if !change.value.is_null() {
            put(&mut body, &event.object, field, value_json(&change.value, field.kind));
        }
    }
    let transaction = &event.transaction;
    let header = json!({
        "entityName": event.object.name, "recordIds": event.records.names(),
        "changeType": event.kind.name(), "changeOrigin": transaction.origin,
        "transactionKey": transaction.key, "sequenceNumber": event.sequence,
        "commitTimestamp": transaction.at_ms, "commitNumber": transaction.number,
        "commitUser": transaction.user.to_string(), "changedFields": changed,
    });
    body.insert("ChangeEventHeader".into(), header);
    Json::Object(body)
}

/// Writes an event as a relay to EventBridge wraps it.
#[must_use]
pub(crate) fn relayed(event: &ChangeEvent, org: RecordId) -> Json {
    let time = instant_text(event.transaction.at_ms.div_euclid(1000), "Z").replace(".000Z", "Z");
    let channel = RecordId::new(*b"0YL", 1);
    json!({
        "version": "0", "id": event.uuid(),
        "detail-type": format!("{}ChangeEvent", event.object.name),
        "source": format!("aws.partner/salesforce.com/{org}/{channel}"),
        "account": "123456789012", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"payload": payload(event), "schemaId": "sandboxSchema0000000001",
                   "id": event.uuid(), "replayId": event.replay_id.to_string()},
    })
}
