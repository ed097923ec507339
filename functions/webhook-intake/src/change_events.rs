//! Change events (`CDC`) as JSON: alone, from `CometD`, or relayed by `EventBridge`.

use serde::Deserialize;
use serde_json::{Deserializer, Map, Value};
use shared::ids::{ObjectName, RecordId, SalesforceId};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use shared::time::Timestamp;

use crate::changed_fields::{Body, flatten, is_bitmap};
use crate::intake::{Draft, Stamp};
use crate::refusal::Refusal;
use crate::senders::Connection;

/// Change events taken in one body.
const MAX_CHANGE_EVENTS: usize = 1000;
/// Events made of one body, after merged ones are taken apart.
const MAX_EVENTS: usize = 10_000;
/// Bytes that the events of one body may take, estimated by their source text: what one record
/// carries is repeated for each record of a merged event.
const MAX_EXPANDED_BYTES: usize = 32 * 1_048_576;
/// Longer transaction keys are refused, so that one fits any queue's dedupe key.
const MAX_KEY_CHARS: usize = 100;
/// Stands for every record of an object: read them all again.
/// Source: Change Data Capture guide, "Overflow events".
const EVERY_RECORD: &str = "000000000000000AAA";

/// What is known of every change event.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    entity_name: String,
    record_ids: Vec<String>,
    change_type: String,
    transaction_key: String,
    sequence_number: i64,
    commit_timestamp: i64,
    #[serde(default)]
    changed_fields: Vec<String>,
    #[serde(default)]
    nulled_fields: Vec<String>,
    #[serde(default)]
    diff_fields: Vec<String>,
}

/// Makes events of every change event in `text`: one, a list, or one after another.
///
/// # Errors
///
/// `Malformed`, naming the change event and the part at fault; then none is taken.
pub(crate) fn drafts(
    connection: &Connection,
    text: &str,
    stamp: &Stamp,
) -> Result<Vec<Draft>, Refusal> {
    let mut reading = Reading { connection, stamp, n_read: 0, n_bytes: 0, drafts: Vec::new() };
    let mut values = Deserializer::from_str(text).into_iter::<Value>();
    let mut begin = 0;
    while let Some(value) = values.next() {
        let value =
            value.map_err(|error| Refusal::malformed("body", format!("is not JSON: {error}")))?;
        let end = values.byte_offset();
        let n_bytes = end - begin;
        begin = end;
        match value {
            Value::Array(items) => {
                let n_bytes = n_bytes / items.len().max(1);
                for item in items {
                    reading.add(item, n_bytes)?;
                }
            }
            value => reading.add(value, n_bytes)?,
        }
    }
    if reading.drafts.is_empty() {
        return Err(Refusal::malformed("body", "holds no change event"));
    }
    Ok(reading.drafts)
}

/// Gathers the events of one body.
struct Reading<'a> {
    connection: &'a Connection,
    stamp: &'a Stamp,
    n_read: usize,
    n_bytes: usize,
    drafts: Vec<Draft>,
}

impl Reading<'_> {
    fn add(&mut self, value: Value, n_bytes: usize) -> Result<(), Refusal> {
        let idx = self.n_read;
        self.n_read += 1;
        if self.n_read > MAX_CHANGE_EVENTS {
            let message = format!("holds more than {MAX_CHANGE_EVENTS} change events");
            return Err(Refusal::malformed("body", message));
        }
        let place = |part: &str| format!("[{idx}].{part}");
        let mut payload = payload(self.connection, value, &place)?;
        let header = payload.remove("ChangeEventHeader").unwrap_or_default();
        let header = Header::deserialize(header).map_err(|error| {
            Refusal::malformed(place("ChangeEventHeader"), format!("cannot be read: {error}"))
        })?;
        if header.transaction_key.is_empty() || header.transaction_key.len() > MAX_KEY_CHARS {
            let message = format!("is not 1 to {MAX_KEY_CHARS} characters long");
            let part = place("ChangeEventHeader.transactionKey");
            return Err(Refusal::malformed(part, message));
        }
        let n_records = header.record_ids.len();
        self.n_bytes = self.n_bytes.saturating_add(n_bytes.saturating_mul(n_records));
        if n_records == 0 {
            return Err(Refusal::malformed(place("ChangeEventHeader.recordIds"), "is empty"));
        }
        if self.drafts.len() + n_records > MAX_EVENTS || self.n_bytes > MAX_EXPANDED_BYTES {
            let message = format!(
                "makes more than {MAX_EVENTS} events or {MAX_EXPANDED_BYTES} bytes of one body"
            );
            return Err(Refusal::malformed(place("ChangeEventHeader.recordIds"), message));
        }
        self.expand(&header, payload, &place)
    }

    /// Makes one event of each record that a merged change event names.
    fn expand(
        &mut self,
        header: &Header,
        payload: Map<String, Value>,
        place: &dyn Fn(&str) -> String,
    ) -> Result<(), Refusal> {
        let in_header = |part: &str| place(&format!("ChangeEventHeader.{part}"));
        let object = ObjectName::parse(header.entity_name.as_str())
            .map_err(|error| Refusal::malformed(in_header("entityName"), error.to_string()))?;
        let content = Content::of(header, payload)
            .map_err(|(part, message)| Refusal::malformed(place(&part), message))?;
        for raw_id in &header.record_ids {
            let (record_id, change) = record(raw_id, content.change)
                .map_err(|message| Refusal::malformed(in_header("recordIds"), message))?;
            let event_id =
                format!("{}:{}:{raw_id}", header.transaction_key, header.sequence_number);
            let dedupe_key = format!("cdc:{}:{object}:{event_id}", self.connection.name);
            let event = ChangeEvent {
                event_id,
                key: RecordKey {
                    connection: self.connection.name.clone(),
                    object: object.clone(),
                    record_id,
                },
                change,
                version: Some(content.version),
                scope: content.scope,
                fields: content.fields.clone(),
                unread: Vec::new(),
                channel: Channel::ChangeEvent,
                received_at: self.stamp.received_at,
                is_backfill: false,
                correlation_id: self.stamp.correlation_id.clone(),
            };
            self.drafts.push(Draft { event, dedupe_key });
        }
        Ok(())
    }
}

/// What a change event says of each of its records.
struct Content {
    change: Change,
    scope: Scope,
    version: Timestamp,
    fields: Fields,
}

impl Content {
    fn of(header: &Header, payload: Map<String, Value>) -> Result<Self, (String, String)> {
        let mut body = flatten(payload);
        let committed_at = Timestamp::from_foreign_millis(header.commit_timestamp)
            .ok_or_else(|| ("ChangeEventHeader.commitTimestamp".to_owned(), no_time()))?;
        let version = version(&body, committed_at)
            .map_err(|message| ("LastModifiedDate".to_owned(), message))?
            .to_second();
        let (change, scope) = match header.change_type.as_str() {
            "CREATE" => (Change::Upsert, Scope::Full),
            "UNDELETE" => (Change::Undelete, Scope::Full),
            "UPDATE" => {
                body.empty_the_absent(&header.changed_fields);
                (Change::Upsert, Scope::Changed)
            }
            "DELETE" | "GAP_DELETE" => (Change::Delete, Scope::Changed),
            "GAP_CREATE" | "GAP_UPDATE" | "GAP_UNDELETE" | "GAP_OVERFLOW" | "SNAPSHOT" => {
                (Change::Unknown, Scope::Changed)
            }
            _ => {
                let message = "is not CREATE, UPDATE, DELETE, UNDELETE, SNAPSHOT or GAP_…";
                return Err(("ChangeEventHeader.changeType".to_owned(), message.to_owned()));
            }
        };
        // Emptied fields written as bits cannot be named without the schema.
        let nulled_by_bits = header.nulled_fields.iter().any(|it| is_bitmap(it));
        let is_partial = body.is_partial || nulled_by_bits || !header.diff_fields.is_empty();
        let carries_fields = matches!(change, Change::Upsert | Change::Undelete);
        if carries_fields && is_partial {
            return Ok(Self {
                change: Change::Unknown,
                scope: Scope::Changed,
                version,
                fields: Fields::new(),
            });
        }
        let fields = if carries_fields { body.fields } else { Fields::new() };
        Ok(Self { change, scope, version, fields })
    }
}

/// Reads when the record changed: its own stamp, else the time of the commit.
fn version(body: &Body, committed_at: Timestamp) -> Result<Timestamp, String> {
    match body.fields.get("LastModifiedDate") {
        Some(FieldValue::Text(raw)) => Timestamp::parse(raw).map_err(|error| error.to_string()),
        Some(FieldValue::Int(millis)) => {
            Timestamp::from_foreign_millis(*millis).ok_or_else(no_time)
        }
        _ => Ok(committed_at),
    }
}

fn no_time() -> String {
    "is not a time in milliseconds since 1970".to_owned()
}

/// Reads a record's id; one that stands for many makes the change one that must be read.
fn record(raw: &str, change: Change) -> Result<(RecordId, Change), String> {
    if raw.ends_with('*') || raw == EVERY_RECORD {
        let every = RecordId::parse(EVERY_RECORD).map_err(|error| error.to_string())?;
        return Ok((every, Change::Unknown));
    }
    let id = SalesforceId::parse(raw).map_err(|error| error.to_string())?;
    Ok((id.to_record_id(), change))
}

/// Takes the payload out of whatever it is wrapped in.
fn payload(
    connection: &Connection,
    value: Value,
    place: &dyn Fn(&str) -> String,
) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(mut outer) = value else {
        return Err(Refusal::malformed(place("ChangeEventHeader"), "is missing: send an object"));
    };
    if let Some(Value::String(source)) = outer.get("source")
        && let Some(rest) = source.strip_prefix("aws.partner/salesforce.com/")
    {
        connection.prove_organization(rest.split('/').next().unwrap_or_default())?;
    }
    for wrapper in ["data", "detail"] {
        if let Some(Value::Object(inner)) = outer.get_mut(wrapper)
            && inner.contains_key("payload")
        {
            outer = std::mem::take(inner);
            break;
        }
    }
    if let Some(Value::Object(inner)) = outer.get_mut("payload") {
        outer = std::mem::take(inner);
    }
    if outer.contains_key("ChangeEventHeader") {
        Ok(outer)
    } else {
        let message = "is missing: send the payload, alone or within `data` or `detail`";
        Err(Refusal::malformed(place("ChangeEventHeader"), message))
    }
}
