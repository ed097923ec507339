//! Up to 200 records in one call, each with a result of its own.
//!
//! Source: REST API guide, "sObject Collections".

use http::Method;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};
use shared::ids::{ObjectName, SalesforceId};
use shared::model::{FieldName, FieldValue, Fields};
use shared::{PortError, PortErrorKind};

use super::page::{AnyFields, RowSeed};
use super::record_result::{RecordResult, ResultAnswer};
use crate::client::{RestCall, SalesforceClient, WriteOptions};

/// The most records in a call.
pub const MAX_COLLECTION: usize = 200;

/// The most runs of records of different objects in a call.
const MAX_RUNS: usize = 10;

/// The most records that are read by their ids in a call.
const MAX_READ: usize = 2000;

/// A record to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRecord {
    /// Its object.
    pub object: ObjectName,
    /// Its fields.
    pub fields: Fields,
}

/// A record to be updated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordUpdate {
    /// Its object.
    pub object: ObjectName,
    /// Its id.
    pub id: SalesforceId,
    /// The fields that change: `Null` empties a field, one that is absent stays.
    pub fields: Fields,
}

/// A record that may be one of several objects in a call.
pub trait OfObject {
    /// Returns its object.
    fn object(&self) -> &ObjectName;
}

impl OfObject for NewRecord {
    fn object(&self) -> &ObjectName {
        &self.object
    }
}

impl OfObject for RecordUpdate {
    fn object(&self) -> &ObjectName {
        &self.object
    }
}

/// Cuts `records` into pieces that one call takes each: at most 200 records, at most ten runs of
/// different objects. Sort by object and parent before: records of one parent in two calls at once
/// lock each other out.
pub fn chunks<T: OfObject>(records: &[T]) -> Vec<&[T]> {
    let mut pieces = Vec::new();
    let mut rest = records;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(piece_len(rest));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}

/// Counts how many of `records` the first call takes, at least one.
fn piece_len<T: OfObject>(records: &[T]) -> usize {
    let mut n_runs = 1;
    let pairs = records.iter().zip(records.iter().skip(1));
    let begin_runs = pairs.map(|(one, next)| one.object() != next.object());
    for (idx, begins_run) in begin_runs.enumerate().take(MAX_COLLECTION - 1) {
        n_runs += usize::from(begins_run);
        if n_runs > MAX_RUNS {
            return idx + 1;
        }
    }
    records.len().min(MAX_COLLECTION)
}

/// What is to be done with up to 200 records.
#[derive(Clone, Copy, Debug)]
pub enum CollectionWrite<'a> {
    /// They are created.
    Create(&'a [NewRecord]),
    /// They are updated.
    Update(&'a [RecordUpdate]),
    /// They are created or updated by an external id.
    Upsert {
        /// Their object.
        object: &'a ObjectName,
        /// The field that identifies them.
        external_id: &'a str,
        /// Their fields, `external_id` among them.
        records: &'a [Fields],
    },
    /// They are deleted.
    Delete(&'a [SalesforceId]),
}

/// A collection that no call takes.
#[derive(Debug, thiserror::Error)]
enum BadCollection {
    #[error("{n_records} records in one call: write 1 to {MAX_COLLECTION}")]
    Size { n_records: usize },
    #[error(
        "more than {MAX_RUNS} runs of records of different objects in one call: sort by object"
    )]
    Runs,
    #[error("record {idx} has no value in the external id `{external_id}`")]
    NoExternalId { idx: usize, external_id: String },
}

/// The answer has another number of results than there were records: none can be trusted.
#[derive(Debug, thiserror::Error)]
#[error("{n_records} records have {n_results} results")]
pub(super) struct ResultsDiffer {
    n_records: usize,
    n_results: usize,
}

impl CollectionWrite<'_> {
    pub(super) fn n_records(&self) -> usize {
        match self {
            Self::Create(records) => records.len(),
            Self::Update(records) => records.len(),
            Self::Upsert { records, .. } => records.len(),
            Self::Delete(ids) => ids.len(),
        }
    }

    pub(super) fn method(&self) -> Method {
        match self {
            Self::Create(_) => Method::POST,
            Self::Update(_) | Self::Upsert { .. } => Method::PATCH,
            Self::Delete(_) => Method::DELETE,
        }
    }

    pub(super) fn segments(&self) -> Vec<&str> {
        let mut segments = vec!["composite", "sobjects"];
        if let Self::Upsert { object, external_id, .. } = self {
            segments.extend([object.as_str(), external_id]);
        }
        segments
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Create(_) => "create many",
            Self::Update(_) => "update many",
            Self::Upsert { .. } => "upsert many",
            Self::Delete(_) => "delete many",
        }
    }

    /// Names the objects in errors and logs.
    fn subject(&self) -> &str {
        match self {
            Self::Create(records) => records.first().map_or("", |it| it.object.as_str()),
            Self::Update(records) => records.first().map_or("", |it| it.object.as_str()),
            Self::Upsert { object, .. } => object.as_str(),
            Self::Delete(_) => "records",
        }
    }

    /// Returns the body; a delete has its ids in the address.
    pub(super) fn body(&self, all_or_none: bool) -> Value {
        let records: Vec<Value> = match self {
            Self::Create(records) => {
                records.iter().map(|it| record_json(&it.object, None, &it.fields)).collect()
            }
            Self::Update(records) => {
                records.iter().map(|it| record_json(&it.object, Some(&it.id), &it.fields)).collect()
            }
            Self::Upsert { object, records, .. } => {
                records.iter().map(|it| record_json(object, None, it)).collect()
            }
            Self::Delete(_) => return Value::Null,
        };
        json!({"allOrNone": all_or_none, "records": records})
    }

    pub(super) fn query(&self, all_or_none: bool) -> Vec<(&'static str, String)> {
        let Self::Delete(ids) = self else { return Vec::new() };
        let ids: Vec<&str> = ids.iter().map(SalesforceId::as_str).collect();
        vec![("ids", ids.join(",")), ("allOrNone", all_or_none.to_string())]
    }

    pub(super) fn check(&self, call: &RestCall) -> Result<(), PortError> {
        let n_records = self.n_records();
        if n_records == 0 || n_records > MAX_COLLECTION {
            return Err(call.rejected(BadCollection::Size { n_records }));
        }
        let fits = match self {
            Self::Create(records) => piece_len(records) == n_records,
            Self::Update(records) => piece_len(records) == n_records,
            Self::Upsert { external_id, records, .. } => {
                return check_external_ids(external_id, records).map_err(|it| call.rejected(it));
            }
            Self::Delete(_) => true,
        };
        if fits { Ok(()) } else { Err(call.rejected(BadCollection::Runs)) }
    }

    pub(super) fn call(
        &self,
        all_or_none: bool,
        options: &WriteOptions,
    ) -> Result<RestCall, PortError> {
        let (operation, method) = (self.operation(), self.method());
        let mut call = RestCall::data(operation, method, self.subject(), &self.segments())
            .with_options(options);
        for (name, value) in self.query(all_or_none) {
            call = call.with(name, value);
        }
        self.check(&call)?;
        match self {
            Self::Delete(_) => Ok(call),
            _ => call.with_json(&self.body(all_or_none)),
        }
    }
}

/// Checks that every record says which one it is: an upsert without an id creates another one.
fn check_external_ids(external_id: &str, records: &[Fields]) -> Result<(), BadCollection> {
    let has_value = |fields: &Fields| {
        fields.iter().any(|(name, it)| name.eq_ignore_ascii_case(external_id) && !it.is_null())
    };
    match records.iter().position(|it| !has_value(it)) {
        None => Ok(()),
        Some(idx) => Err(BadCollection::NoExternalId { idx, external_id: external_id.to_owned() }),
    }
}

impl SalesforceClient {
    /// Writes up to 200 records in one call. The results stand in the order of the records.
    ///
    /// With `all_or_none` one bad record undoes all; the good ones then have the class `RetryAlone`.
    ///
    /// # Errors
    ///
    /// `Rejected` for what no call takes (see [`chunks`]), else as the org answers to the whole.
    pub async fn write_collection(
        &self,
        write: &CollectionWrite<'_>,
        all_or_none: bool,
        options: &WriteOptions,
    ) -> Result<Vec<RecordResult>, PortError> {
        let call = write.call(all_or_none, options)?;
        let response = self.call(&call).await?;
        read_results(response.body(), write.n_records())
            .map_err(|error| error.into_port_error(&call, &response))
    }

    /// Reads `fields` of up to 2,000 records of `object`, in the order of `ids`; `None` for one that
    /// is not there.
    ///
    /// # Errors
    ///
    /// `Rejected` for too many ids, else as the org answers.
    pub async fn read_collection(
        &self,
        object: &ObjectName,
        ids: &[SalesforceId],
        fields: &[String],
    ) -> Result<Vec<Option<Fields>>, PortError> {
        let name = object.as_str();
        let segments = ["composite", "sobjects", name];
        let call = RestCall::data("read many", Method::POST, name, &segments).repeatable();
        if ids.len() > MAX_READ {
            return Err(call.rejected(BadCollection::Size { n_records: ids.len() }));
        }
        let call = call.with_json(&json!({"ids": ids, "fields": fields}))?;
        let response = self.call(&call).await?;
        let rows: Vec<Option<Row>> = response.json()?;
        match rows.len() == ids.len() {
            true => Ok(rows.into_iter().map(|it| it.map(|row| row.0)).collect()),
            false => {
                let (n_records, n_results) = (ids.len(), rows.len());
                let differ = ResultsDiffer { n_records, n_results };
                Err(call.error(PortErrorKind::Unavailable, differ))
            }
        }
    }
}

/// A record with whatever fields it has.
struct Row(Fields);

impl<'de> serde::Deserialize<'de> for Row {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::DeserializeSeed::deserialize(RowSeed(&AnyFields), deserializer).map(Self)
    }
}

/// Why results cannot be used.
pub(super) enum BadResults {
    Json(serde_json::Error),
    Count(ResultsDiffer),
}

impl BadResults {
    pub(super) fn into_port_error(
        self,
        call: &RestCall,
        response: &adapter_http::Response,
    ) -> PortError {
        match self {
            Self::Json(error) => response.malformed(&error),
            Self::Count(differ) => call.error(PortErrorKind::Unavailable, differ),
        }
    }
}

/// Reads one result a record.
pub(super) fn read_results(json: &[u8], n_records: usize) -> Result<Vec<RecordResult>, BadResults> {
    let answers: Vec<ResultAnswer> = serde_json::from_slice(json).map_err(BadResults::Json)?;
    match answers.len() {
        n if n == n_records => Ok(answers.into_iter().map(ResultAnswer::into_result).collect()),
        n_results => Err(BadResults::Count(ResultsDiffer { n_records, n_results })),
    }
}

/// Writes a record as collections and graphs take it.
pub(super) fn record_json(
    object: &ObjectName,
    id: Option<&SalesforceId>,
    fields: &Fields,
) -> Value {
    // Texts and finite numbers are always JSON.
    serde_json::to_value(RecordBody { object, id, fields }).unwrap_or_default()
}

struct RecordBody<'a> {
    object: &'a ObjectName,
    id: Option<&'a SalesforceId>,
    fields: &'a Fields,
}

impl Serialize for RecordBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("attributes", &json!({"type": self.object}))?;
        if let Some(id) = self.id {
            map.serialize_entry("id", id)?;
        }
        for (name, value) in self.fields {
            map.serialize_entry::<FieldName, FieldValue>(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(object: &str) -> NewRecord {
        NewRecord { object: ObjectName::parse(object).unwrap(), fields: Fields::new() }
    }

    fn lengths(records: &[NewRecord]) -> Vec<usize> {
        chunks(records).iter().map(|it| it.len()).collect()
    }

    #[test]
    fn pieces_hold_at_most_two_hundred_records_and_ten_runs() {
        assert_eq!(lengths(&vec![record("Case"); 450]), [200, 200, 50]);
        assert_eq!(lengths(&vec![record("Case"); 200]), [200]);
        let mixed: Vec<_> =
            (0..25).map(|idx| record(if idx % 2 == 0 { "Case" } else { "Contact" })).collect();
        assert_eq!(lengths(&mixed), [10, 10, 5]);
        let sorted: Vec<_> =
            (0..300).map(|idx| record(if idx < 150 { "Account" } else { "Contact" })).collect();
        assert_eq!(lengths(&sorted), [200, 100]);
        assert_eq!(lengths(&[]), [0_usize; 0]);
    }

    #[test]
    fn empty_field_is_written_as_null_and_an_absent_one_not_at_all() {
        let fields = Fields::from([
            ("Subject".to_owned(), FieldValue::text("#N/A")),
            ("Court__c".to_owned(), FieldValue::Null),
        ]);
        let id = SalesforceId::parse("5005f00002J9YYE").unwrap();
        let json = record_json(&ObjectName::parse("Case").unwrap(), Some(&id), &fields);
        let wanted = json!({
            "attributes": {"type": "Case"}, "id": id, "Court__c": null, "Subject": "#N/A",
        });
        assert_eq!(json, wanted);
    }

    #[test]
    fn answer_with_a_missing_result_is_refused_whole() {
        let one = r#"[{"id":"5005f00002J9YYE","success":true,"errors":[]}]"#;
        assert!(read_results(one.as_bytes(), 1).is_ok());
        assert!(matches!(read_results(one.as_bytes(), 2), Err(BadResults::Count(_))));
    }
}
