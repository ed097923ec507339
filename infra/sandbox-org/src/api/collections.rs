//! Up to 200 records in one request.

use serde_json::{Map, Value as Json, json};

use super::call::Call;
use super::records::positions;
use super::reply::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::{Change, Outcome, RecordError};
use crate::sandbox::State;
use crate::soql::record;

/// Most records of one request. Source: REST API guide, sObject collections.
const MAX_RECORDS: usize = 200;

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

/// Makes the changes and writes their results in request order.
fn settle(
    state: &State,
    call: &Call,
    changes: Vec<Change>,
    all_or_none: bool,
    with_created: bool,
) -> Reply {
    let settled = state.commit(&call.author, changes, all_or_none);
    let results: Vec<Json> =
        settled.iter().map(|result| result_json(result, with_created)).collect();
    Reply::json(200, &Json::Array(results))
}

fn result_json(settled: &Result<Outcome, RecordError>, with_created: bool) -> Json {
    match settled {
        Ok(done) if with_created => {
            json!({"id": done.id.to_string(), "success": true, "errors": [], "created": done.created})
        }
        Ok(done) => json!({"id": done.id.to_string(), "success": true, "errors": []}),
        Err(refusal) => json!({"success": false, "errors": [refusal.in_collection()]}),
    }
}

/// `POST /composite/sobjects`
pub(super) fn create(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let changes = records
        .into_iter()
        .map(|mut fields| Ok(Change::Create { object: object_of(&mut fields)?, fields }))
        .collect::<Result<Vec<_>, ApiError>>()?;
    Ok(settle(state, call, changes, all_or_none, false))
}

/// `PATCH /composite/sobjects`
pub(super) fn update(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let changes = records
        .into_iter()
        .map(|mut fields| {
            let object = Some(object_of(&mut fields)?);
            let id = take_text(&mut fields, "id").unwrap_or_default();
            Ok(Change::Update { object, id, fields })
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    Ok(settle(state, call, changes, all_or_none, false))
}

/// `PATCH /composite/sobjects/Case/MoodBridge_Id__c`
pub(super) fn upsert(
    state: &State,
    call: &Call,
    object: &str,
    key: &str,
) -> Result<Reply, ApiError> {
    let (all_or_none, records) = read_records(call)?;
    let changes = records
        .into_iter()
        .map(|mut fields| {
            object_of(&mut fields)?;
            let value = take_text(&mut fields, key).unwrap_or_default();
            let (object, key) = (object.to_owned(), key.to_owned());
            Ok(Change::Upsert { object, key, value, fields })
        })
        .collect::<Result<Vec<_>, ApiError>>()?;
    Ok(settle(state, call, changes, all_or_none, true))
}

/// `DELETE /composite/sobjects?ids=a,b`
pub(super) fn delete(state: &State, call: &Call) -> Result<Reply, ApiError> {
    let ids = call.params.get("ids").map(String::as_str).unwrap_or_default();
    let changes: Vec<Change> = ids
        .split(',')
        .filter(|id| !id.is_empty())
        .map(|id| Change::Delete { id: id.trim().to_owned() })
        .collect();
    check_count(changes.len(), MAX_RECORDS)?;
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
    let org = state.org();
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
