//! Reads one event of the stream.

use std::collections::BTreeSet;

use shared::ids::{ConnectionId, CorrelationId};
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Fields, RecordKey, Scope};
use shared::ports::StreamedChange;
use shared::time::Timestamp;

use super::bitmap::{Leaf, leaves};
use super::body::{self, Body};
use super::header::Header;
use crate::avro::{Reader, Schema, Value};

/// The first field of every change event.
const HEADER: &str = "ChangeEventHeader";

/// Every update changes this field: a set of changed fields without it was read by another schema
/// than it was written over. Source: Change Data Capture guide, "Change Event Header Fields".
const ALWAYS_CHANGED: &str = "LastModifiedDate";

/// Bytes that the changes of one event may take: what it carries is repeated for each record that it
/// names. Beyond it they go without fields, and the worker reads the records.
const MAX_EXPANDED_BYTES: usize = 8 * 1_048_576;

/// What is known about an event before it is read.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) connection: ConnectionId,
    pub(crate) received_at: Timestamp,
    pub(crate) correlation_id: CorrelationId,
}

/// What an event says.
#[derive(Debug)]
pub(crate) struct ReadEvent {
    /// When its transaction ended over there.
    pub(crate) committed_at: Timestamp,
    /// One change for each record that it names.
    pub(crate) changes: Vec<StreamedChange>,
}

/// Why an event could not be read, by this schema at least.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct EventFault {
    /// In words, without anything that stands in the event.
    pub(crate) why: String,
    /// The records that it names, to be read from their source; `None` when not even its header can
    /// be read.
    pub(crate) instead: Option<ReadEvent>,
}

impl EventFault {
    fn of(why: impl std::fmt::Display) -> Self {
        Self { why: why.to_string(), instead: None }
    }
}

/// Makes changes of an event.
///
/// # Errors
///
/// [`EventFault`] when `payload` is not an event of `schema`.
pub(crate) fn read(
    schema: &Schema,
    payload: &[u8],
    context: &Context,
) -> Result<ReadEvent, EventFault> {
    let mut reader = Reader::new(schema, payload);
    let header = header(schema, &mut reader)?;
    let of = |content| {
        let changes = expand(&header, content, payload.len(), context);
        ReadEvent { committed_at: header.committed_at, changes }
    };
    match content(schema, &header, reader) {
        Ok(content) => Ok(of(content)),
        Err(why) => Err(EventFault { why, instead: Some(of(Content::unknown(&header))) }),
    }
}

fn header(schema: &Schema, reader: &mut Reader<'_>) -> Result<Header, EventFault> {
    let field = schema.fields().first().filter(|it| it.name == HEADER);
    let field = field.ok_or_else(|| EventFault::of("it is no change event"))?;
    let record = schema.parts(&field.kind);
    let value = reader.value(&field.kind).map_err(EventFault::of)?;
    match (record, value) {
        (Some(record), Value::Record(_, values)) => {
            Header::of(record, &values).map_err(EventFault::of)
        }
        _ => Err(EventFault::of("its header is not a record")),
    }
}

/// What an event says of each of its records.
struct Content {
    change: Change,
    scope: Scope,
    version: Timestamp,
    fields: Fields,
}

impl Content {
    /// The record must be read.
    fn unknown(header: &Header) -> Self {
        Self {
            change: match header.change {
                Change::Delete => Change::Delete,
                _ => Change::Unknown,
            },
            scope: Scope::Changed,
            version: header.committed_at.to_second(),
            fields: Fields::new(),
        }
    }
}

fn content(schema: &Schema, header: &Header, mut reader: Reader<'_>) -> Result<Content, String> {
    if matches!(header.change, Change::Delete | Change::Unknown) {
        return Ok(Content::unknown(header));
    }
    let mut values = vec![Value::Null];
    for field in schema.fields().iter().skip(1) {
        values.push(reader.value(&field.kind).map_err(|error| error.to_string())?);
    }
    if !reader.is_at_end() {
        return Err("it goes on behind its last field".to_owned());
    }
    let body = if header.is_update {
        let set = |elements: &[String]| leaves(schema, elements).map_err(|it| it.to_string());
        let (changed, nulled) = (set(&header.changed_fields)?, set(&header.nulled_fields)?);
        set(&header.diff_fields)?;
        check_changed(schema, &changed)?;
        body::some(schema, &values, &changed, &nulled)
    } else {
        body::all(schema, &values)
    };
    let version = version(&body, header);
    // A long text that is sent as a difference could be put together from the text we hold, but only
    // by whoever holds it; the worker reads the record instead.
    if body.is_partial || !header.diff_fields.is_empty() {
        return Ok(Content { version, ..Content::unknown(header) });
    }
    Ok(Content { change: header.change, scope: header.scope, version, fields: body.fields })
}

fn check_changed(schema: &Schema, changed: &BTreeSet<Leaf>) -> Result<(), String> {
    let is_there = changed
        .iter()
        .any(|leaf| schema.fields().get(leaf.field).is_some_and(|it| it.name == ALWAYS_CHANGED));
    if is_there {
        Ok(())
    } else {
        Err(format!("`{ALWAYS_CHANGED}` is not among its changed fields: its schema is another"))
    }
}

/// Reads when the record changed: its own stamp, else the time of the commit, to the second.
///
/// Versions of one record are compared whatever channel brought them, and a read brings
/// `SystemModstamp`. That is set when the statement runs, as `LastModifiedDate` is; the commit comes
/// later by as long as the transaction takes. So the record's own stamp goes first, as it does for
/// events that are posted to us. Deletes and gap events carry no stamp: their commit is not before
/// it, so nothing older passes for newer. Salesforce keeps stamps to the second; a finer version
/// would count as later than the same change when it is read.
fn version(body: &Body, header: &Header) -> Timestamp {
    let stamp = match body.fields.get(ALWAYS_CHANGED) {
        Some(FieldValue::Int(millis)) => Timestamp::from_foreign_millis(*millis),
        Some(FieldValue::Text(text)) => Timestamp::parse(text).ok(),
        _ => None,
    };
    stamp.unwrap_or(header.committed_at).to_second()
}

fn expand(
    header: &Header,
    mut content: Content,
    n_bytes: usize,
    context: &Context,
) -> Vec<StreamedChange> {
    let Header { object, records, transaction_key, sequence_number, .. } = header;
    if records.len().saturating_mul(n_bytes) > MAX_EXPANDED_BYTES && !content.fields.is_empty() {
        content = Content { version: content.version, ..Content::unknown(header) };
    }
    let change = |(raw_id, record_id): &(String, _)| {
        let event_id = format!("{transaction_key}:{sequence_number}:{raw_id}");
        let connection = context.connection.clone();
        // The key of the same change when it is posted to us: whichever comes second is dropped.
        let dedupe_key = format!("cdc:{connection}:{object}:{event_id}");
        let event = ChangeEvent {
            event_id,
            key: RecordKey {
                connection,
                object: object.clone(),
                record_id: Clone::clone(record_id),
            },
            change: content.change,
            version: Some(content.version),
            scope: content.scope,
            fields: content.fields.clone(),
            unread: Vec::new(),
            channel: Channel::PubSub,
            received_at: context.received_at,
            is_backfill: false,
            correlation_id: context.correlation_id.clone(),
        };
        StreamedChange { event, dedupe_key }
    };
    records.iter().map(change).collect()
}

#[cfg(test)]
mod tests;
