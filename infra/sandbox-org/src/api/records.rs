//! One record: create, read, update, delete, upsert.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::json;

use super::call::Call;
use super::reply::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::{Change, Org, Outcome, RecordError, Row};
use crate::sandbox::State;
use crate::schema::ObjectType;
use crate::soql::record;

/// Makes one change and returns what came of it.
fn write(state: &State, call: &Call, change: Change) -> Result<Outcome, ApiError> {
    let settled = state.commit(&call.author, vec![change], false);
    let one = settled.into_iter().next().unwrap_or_else(|| Err(RecordError::not_found()));
    one.map_err(ApiError::from)
}

fn known(state: &State, object: &str) -> Result<Arc<ObjectType>, ApiError> {
    state.schema().object(object).cloned().ok_or_else(ApiError::not_found)
}

/// `POST /sobjects/Case`
pub(super) fn create(state: &State, call: &Call, object: &str) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    let fields = call.fields()?;
    let outcome = write(state, call, Change::Create { object: object.name.clone(), fields })?;
    let location =
        format!("/services/data/{}/sobjects/{}/{}", call.version, object.name, outcome.id);
    let body = json!({"id": outcome.id.to_string(), "success": true, "errors": []});
    Ok(Reply::json(201, &body).with_header("location", location))
}

/// Finds a row of `object` that is not in the recycle bin.
fn live<'a>(org: &'a Org, object: &ObjectType, id: &str) -> Result<&'a Row, ApiError> {
    let parsed = RecordId::parse(id).ok_or_else(ApiError::not_found)?;
    match org.table(&object.name).and_then(|table| table.row(parsed)) {
        Some(row) if row.is_deleted() => Err(RecordError::deleted().into()),
        Some(row) => Ok(row),
        None => Err(ApiError::not_found()),
    }
}

/// `GET /sobjects/Case/ID`
pub(super) fn read(state: &State, call: &Call, object: &str, id: &str) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    let org = state.org();
    let row = live(&org, &object, id)?;
    let modified = http_date(row.modstamp());
    if let Some(since) = &call.modified_since
        && row.modstamp() <= parse_http_date(since)?
    {
        return Ok(Reply::empty(304).with_header("last-modified", modified));
    }
    let positions = positions(&object, call.params.get("fields").map(String::as_str))?;
    let body = record(&object, row, &positions, &call.version);
    Ok(Reply::json(200, &body).with_header("last-modified", modified))
}

/// Returns the places of the named fields, of all when none is named.
pub(super) fn positions(object: &ObjectType, names: Option<&str>) -> Result<Vec<usize>, ApiError> {
    let Some(names) = names else { return Ok((0..object.fields.len()).collect()) };
    names
        .split(',')
        .map(|name| {
            let found = object.field(name.trim()).map(|(position, _)| position);
            found.ok_or_else(|| {
                let message = format!(
                    "\n{names}\n^\nERROR at Row:1:Column:1\nNo such column '{}' on entity '{}'. If you are \
                     attempting to use a custom field, be sure to append the '__c' after the custom field \
                     name. Please reference your WSDL or the describe call for the appropriate names.",
                    name.trim(),
                    object.name
                );
                ApiError::new(400, "INVALID_FIELD", message)
            })
        })
        .collect()
}

/// `PATCH /sobjects/Case/ID`
pub(super) fn update(
    state: &State,
    call: &Call,
    object: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    check_unmodified(state, call, &object, id)?;
    let change = Change::Update {
        object: Some(object.name.clone()),
        id: id.to_owned(),
        fields: call.fields()?,
    };
    write(state, call, change)?;
    Ok(Reply::empty(204))
}

/// Refuses a write to a row that changed after `If-Unmodified-Since`.
fn check_unmodified(
    state: &State,
    call: &Call,
    object: &ObjectType,
    id: &str,
) -> Result<(), ApiError> {
    let Some(since) = &call.unmodified_since else { return Ok(()) };
    let since = parse_http_date(since)?;
    let org = state.org();
    if live(&org, object, id)?.modstamp() > since {
        let message = "The object has been modified since the specified date";
        return Err(ApiError::new(412, "PRECONDITION_FAILED", message));
    }
    Ok(())
}

fn parse_http_date(text: &str) -> Result<i64, ApiError> {
    let form = "%a, %d %b %Y %H:%M:%S";
    text.strip_suffix(" GMT")
        .and_then(|text| chrono::NaiveDateTime::parse_from_str(text, form).ok())
        .map(|at| at.and_utc().timestamp())
        .ok_or_else(|| ApiError::new(400, "INVALID_HEADER", format!("malformed date: {text}")))
}

/// Writes seconds as an HTTP date.
pub(crate) fn http_date(seconds: i64) -> String {
    let at = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// `DELETE /sobjects/Case/ID`
pub(super) fn delete(
    state: &State,
    call: &Call,
    object: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    live(&state.org(), &object, id)?;
    write(state, call, Change::Delete { id: id.to_owned() })?;
    Ok(Reply::empty(204))
}

/// `PATCH /sobjects/Case/MoodBridge_Id__c/VALUE`
pub(super) fn upsert(
    state: &State,
    call: &Call,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    let fields = call.fields()?;
    if fields.keys().any(|name| name.eq_ignore_ascii_case(key)) {
        let message = format!("The {key} field should not be specified in the sobject data.");
        return Err(ApiError::new(400, "INVALID_FIELD", message));
    }
    let change = Change::Upsert {
        object: object.name.clone(),
        key: key.to_owned(),
        value: value.to_owned(),
        fields,
    };
    let outcome = write(state, call, change)?;
    let version: u32 = call
        .version
        .trim_matches(|ch: char| !ch.is_ascii_digit())
        .split('.')
        .next()
        .and_then(|v| v.parse().ok())
        .unwrap_or(66);
    if !outcome.created && version < 46 {
        return Ok(Reply::empty(204));
    }
    let status = if outcome.created { 201 } else { 200 };
    let body = json!({"id": outcome.id.to_string(), "success": true, "errors": [],
                      "created": outcome.created});
    Ok(Reply::json(status, &body))
}

/// Finds the row with this external id.
fn by_key(
    state: &State,
    object: &ObjectType,
    key: &str,
    value: &str,
) -> Result<RecordId, ApiError> {
    let field = object.field(key).filter(|(_, field)| field.external_id);
    let (position, _) = field.ok_or_else(|| {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {key}");
        ApiError::new(404, "NOT_FOUND", message)
    })?;
    let org = state.org();
    org.table(&object.name)
        .and_then(|table| table.by_unique(position, value))
        .ok_or_else(ApiError::not_found)
}

/// `GET /sobjects/Case/MoodBridge_Id__c/VALUE`
pub(super) fn read_by_key(
    state: &State,
    call: &Call,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Reply, ApiError> {
    let known = known(state, object)?;
    let id = by_key(state, &known, key, value)?;
    read(state, call, object, &id.to_string())
}

/// `DELETE /sobjects/Case/MoodBridge_Id__c/VALUE`
pub(super) fn delete_by_key(
    state: &State,
    call: &Call,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Reply, ApiError> {
    let known = known(state, object)?;
    let id = by_key(state, &known, key, value)?;
    delete(state, call, object, &id.to_string())
}
