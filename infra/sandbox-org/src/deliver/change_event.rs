//! Change data capture events in their JSON form.

use serde_json::{Map, Value as Json, json};

use super::subscription::Wrapper;
use crate::ids::RecordId;
use crate::org::{Commit, Entry, EntryKind, Row, Value, instant_text};
use crate::schema::{Field, FieldKind, ObjectType, Schema};

/// Fields that events leave out. Source: Change Data Capture guide, event body fields.
const LEFT_OUT: &[&str] =
    &["Id", "IsDeleted", "SystemModstamp", "ContactPhone", "ContactMobile", "ContactEmail"];

/// Where a field stands in an event: alone or inside a compound one.
fn place<'a>(object: &ObjectType, field: &'a Field) -> (Option<&'a str>, &'a str) {
    if let Some(compound) = field.part_of.as_deref() {
        let stem = compound.strip_suffix("Address").unwrap_or(compound);
        return (Some(compound), field.name.strip_prefix(stem).unwrap_or(&field.name));
    }
    let named = object.name == "Contact"
        && matches!(field.name.as_str(), "FirstName" | "LastName" | "Salutation");
    (named.then_some("Name"), field.name.as_str())
}

fn is_left_out(object: &ObjectType, field: &Field) -> bool {
    LEFT_OUT.contains(&field.name.as_str())
        || field.kind == FieldKind::Address
        || (object.name == "Contact" && field.name == "Name")
}

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

/// Writes the body; returns the names of changed fields for an update.
fn body(object: &ObjectType, entry: &Entry) -> (Map<String, Json>, Vec<String>) {
    let mut body = Map::new();
    let mut changed = Vec::new();
    let before = entry.before.as_ref().filter(|_| entry.kind == EntryKind::Update);
    if entry.kind == EntryKind::Delete {
        return (body, changed);
    }
    let is_new = |row: &Row, position: usize| row.get(position) != entry.after.get(position);
    for (position, field) in object.fields.iter().enumerate() {
        if is_left_out(object, field) {
            continue;
        }
        let value = entry.after.get(position);
        match before {
            Some(before) if is_new(before, position) || field.name == "LastModifiedDate" => {
                let (compound, name) = place(object, field);
                changed.push(
                    compound.map_or(name.to_owned(), |compound| format!("{compound}.{name}")),
                );
            }
            Some(_) => continue,
            None => {}
        }
        // A changed field that is missing from the body was set to null.
        if !value.is_null() {
            put(&mut body, object, field, value_json(value, field.kind));
        }
    }
    (body, changed)
}

/// Writes the event of one entry; `sequence` counts from 1 inside the commit.
pub(super) fn event(
    schema: &Schema,
    commit: &Commit,
    entry: &Entry,
    sequence: usize,
) -> Option<Json> {
    let object = schema.object(&entry.object)?;
    let change_type = match entry.kind {
        EntryKind::Create => "CREATE",
        EntryKind::Update => "UPDATE",
        EntryKind::Delete => "DELETE",
        EntryKind::Undelete => "UNDELETE",
        // Source: Change Data Capture guide: what is erased for good sends no event.
        EntryKind::Erase => return None,
    };
    let (mut body, changed) = body(object, entry);
    let header = json!({
        "entityName": entry.object, "recordIds": [entry.after.id.to_string()],
        "changeType": change_type, "changeOrigin": commit.author.origin(),
        "transactionKey": transaction_key(commit.number), "sequenceNumber": sequence,
        "commitTimestamp": commit.at_ms, "commitNumber": commit.number,
        "commitUser": commit.author.user.to_string(), "changedFields": changed,
    });
    body.insert("ChangeEventHeader".into(), header);
    Some(Json::Object(body))
}

fn transaction_key(number: i64) -> String {
    let bits = number.unsigned_abs();
    let low = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        bits >> 32,
        (bits >> 16) & 0xffff,
        bits & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// Puts an event into what its receiver expects around it.
pub(super) fn wrap(event: &Json, wrapper: Wrapper, org: RecordId, replay_id: u64) -> String {
    if wrapper == Wrapper::None {
        return event.to_string();
    }
    let header = event.get("ChangeEventHeader").cloned().unwrap_or_default();
    let entity = header.get("entityName").and_then(Json::as_str).unwrap_or_default().to_owned();
    let at_ms = header.get("commitTimestamp").and_then(Json::as_i64).unwrap_or(0);
    let key = header.get("transactionKey").and_then(Json::as_str).unwrap_or_default().to_owned();
    let time = instant_text(at_ms.div_euclid(1000), "Z").replace(".000Z", "Z");
    let channel = RecordId::new(*b"0YL", 1);
    json!({
        "version": "0", "id": key, "detail-type": format!("{entity}ChangeEvent"),
        "source": format!("aws.partner/salesforce.com/{org}/{channel}"),
        "account": "123456789012", "time": time, "region": "us-east-1", "resources": [],
        "detail": {"payload": event, "schemaId": "sandboxSchema0000000001", "id": key,
                   "replayId": replay_id.to_string()},
    })
    .to_string()
}
