//! Up to 200 records in one request.

use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::records::positions;
use super::reply::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::{Change, Settled};
use crate::sandbox::State;
use crate::soql::record;

/// Most records of one request. Source: REST API guide, sObject collections.
const MAX_RECORDS: usize = 200;

/// Most runs of records of one object. Source: REST API guide, sObject collections.
const MAX_CHUNKS: usize = 10;

/// Most ids of one collection read.
const MAX_READ: usize = 2_000;

type Record = Map<String, Json>;

/// Reads the records of a request.
fn read_records(call: &Call) -> Result<(bool, Vec<Record>), ApiError> {
    let mut body = call.fields()?;
    let all_or_none = body.get("allOrNone").and_then(Json::as_bool).unwrap_or(false);
    let records = match body.remove("records") {
        Some(Json::Array(records)) => records,
        _ => Vec::new(),
    };
    check_count(records.len(), MAX_RECORDS)?;
    let records = records
        .into_iter()
        .map(|record| match record {
            Json::Object(fields) => Ok(fields),
            _ => Err(ApiError::new(400, "JSON_PARSER_ERROR", "a record must be a JSON object")),
        })
        .collect::<Result<_, _>>()?;
    Ok((all_or_none, records))
}

fn check_count(count: usize, max: usize) -> Result<(), ApiError> {
    if count == 0 {
        let message = "At least 1 record is required";
        return Err(ApiError::new(400, "REQUIRED_FIELD_MISSING", message));
    }
    if count > max {
        let message =
            format!("record limit reached. cannot submit more than {max} records into this call");
        return Err(ApiError::new(400, "EXCEEDED_ID_LIMIT", message));
    }
    Ok(())
}

/// Takes the object out of `attributes`.
fn object_of(record: &mut Record) -> Result<String, ApiError> {
    let attributes = record.remove("attributes");
    let named = attributes.as_ref().and_then(|all| all.get("type")).and_then(Json::as_str);
    named.map(str::to_owned).ok_or_else(|| {
        let message = "Include an attributes property with the type in each record";
        ApiError::new(400, "INVALID_INPUT", message)
    })
}

fn take_text(record: &mut Record, name: &str) -> Option<String> {
    let key = record.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    match record.remove(&key)? {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Checks that records of one object stand together: each change of the object begins a new chunk.
fn check_chunks<'a>(objects: impl Iterator<Item = &'a str>) -> Result<(), ApiError> {
    let mut last: Option<&str> = None;
    let mut n_chunks = 0;
    for object in objects {
        if last.is_none_or(|last| !last.eq_ignore_ascii_case(object)) {
            n_chunks += 1;
        }
        last = Some(object);
    }
    if n_chunks > MAX_CHUNKS {
        let message = format!(
            "Cannot have more than {MAX_CHUNKS} chunks in a single operation. Please rearrange the data to reduce chunking."
        );
        return Err(ApiError::new(400, "LIMIT_EXCEEDED", message));
    }
    Ok(())
}

/// Makes the changes and writes their results in request order.
fn settle(
    state: &State,
    call: &Call<'_>,
    changes: Vec<Change>,
    all_or_none: bool,
    with_created: bool,
) -> Reply {
    let rows: Vec<Option<RecordId>> = changes.iter().map(Change::row).collect();
    let settled = call.write(state, changes, all_or_none);
    let results: Vec<Json> = settled
        .iter()
        .zip(rows)
        .map(|(result, row)| result_json(result, row, with_created))
        .collect();
    Reply::json(200, &Json::Array(results))
}

/// Writes a result; one that failed has the id that the request named, if it named one.
fn result_json(settled: &Settled, row: Option<RecordId>, with_created: bool) -> Json {
    match (settled, row) {
        (Ok(done), _) if with_created => {
            json!({"id": done.id.to_string(), "success": true, "errors": [], "created": done.created})
        }
        (Ok(done), _) => json!({"id": done.id.to_string(), "success": true, "errors": []}),
        (Err(refusal), Some(id)) => {
            json!({"id": id.to_string(), "success": false, "errors": [refusal.in_collection()]})
        }
        (Err(refusal), None) => json!({"success": false, "errors": [refusal.in_collection()]}),
    }
}

/// `POST /composite/sobjects`
pub(super) fn create(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let records: Vec<(String, Record)> = records
        .into_iter()
        .map(|mut fields| Ok((object_of(&mut fields)?, fields)))
        .collect::<Result<_, ApiError>>()?;
    check_chunks(records.iter().map(|(object, _)| object.as_str()))?;
    let changes =
        records.into_iter().map(|(object, fields)| Change::Create { object, fields }).collect();
    Ok(settle(state, call, changes, all_or_none, false))
}

/// `PATCH /composite/sobjects`
pub(super) fn update(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let records: Vec<(String, Record)> = records
        .into_iter()
        .map(|mut fields| Ok((object_of(&mut fields)?, fields)))
        .collect::<Result<_, ApiError>>()?;
    check_chunks(records.iter().map(|(object, _)| object.as_str()))?;
    let changes = records
        .into_iter()
        .map(|(object, mut fields)| {
            let id = take_text(&mut fields, "id").unwrap_or_default();
            Change::Update { object: Some(object), id, fields }
        })
        .collect();
    Ok(settle(state, call, changes, all_or_none, false))
}

/// `PATCH /composite/sobjects/Case/MBR_Id__c`
pub(super) fn upsert(
    state: &State,
    call: &Call<'_>,
    object: &str,
    key: &str,
) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let changes = records
        .into_iter()
        .map(|mut fields| {
            let named = object_of(&mut fields)?;
            if !named.eq_ignore_ascii_case(object) {
                let message = format!("The type of each record must be {object}, not {named}");
                return Err(ApiError::new(400, "INVALID_INPUT", message));
            }
            let value = take_text(&mut fields, key).unwrap_or_default();
            let (object, key) = (object.to_owned(), key.to_owned());
            Ok(Change::Upsert { object, key, value, fields })
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    Ok(settle(state, call, changes, all_or_none, true))
}

/// `DELETE /composite/sobjects?ids=a,b`
pub(super) fn delete(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let ids = call.params.get("ids").map(String::as_str).unwrap_or_default();
    let ids: Vec<&str> = ids.split(',').map(str::trim).filter(|id| !id.is_empty()).collect();
    check_count(ids.len(), MAX_RECORDS)?;
    check_chunks(ids.iter().map(|id| id.get(..3).unwrap_or_default()))?;
    let changes = ids.iter().map(|id| Change::Delete { id: (*id).to_owned() }).collect();
    Ok(settle(state, call, changes, call.flag("allOrNone"), false))
}

/// `GET` or `POST /composite/sobjects/Case`: several rows by id, null for those that are not there.
pub(super) fn read(state: &State, call: &Call, object: &str) -> Result<Reply, ApiError> {
    let object = state.schema().object(object).cloned().ok_or_else(ApiError::not_found)?;
    let listed = |name: &str, body: Option<&Json>| -> Vec<String> {
        match body.and_then(|body| body.get(name)).and_then(Json::as_array) {
            Some(list) => list.iter().filter_map(Json::as_str).map(str::to_owned).collect(),
            None => call
                .params
                .get(name)
                .map(|text| text.split(',').map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    };
    let body = if call.body.is_empty() { None } else { Some(call.json()?) };
    let ids = listed("ids", body.as_ref());
    check_count(ids.len(), MAX_READ)?;
    let positions = positions(&object, Some(&listed("fields", body.as_ref()).join(",")))?;
    let org = call.org(state);
    let table = org.table(&object.name);
    let rows: Vec<Json> = ids
        .iter()
        .map(|id| {
            let row =
                RecordId::parse(id).and_then(|id| table?.row(id)).filter(|row| !row.is_deleted());
            row.map_or(Json::Null, |row| record(&object, row, &positions, &call.version))
        })
        .collect();
    Ok(Reply::json(200, &Json::Array(rows)))
}
