//! One record: create, read, update, delete, upsert.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::call::Call;
use super::conditions::stamped;
use super::reply::{ApiError, Reply};
use crate::ids::RecordId;
use crate::org::{Change, Org, Outcome, RecordError, Row};
use crate::sandbox::State;
use crate::schema::ObjectType;
use crate::soql::record;

/// Makes one change and returns what came of it.
fn write(state: &State, call: &Call<'_>, change: Change) -> Result<Outcome, ApiError> {
    let settled = call.write(state, vec![change], false);
    let one = settled.into_iter().next().unwrap_or_else(|| Err(RecordError::not_found()));
    one.map_err(ApiError::from)
}

/// Makes one change under the conditions of the call.
fn write_if(state: &State, call: &Call<'_>, change: Change) -> Result<Outcome, ApiError> {
    let mut call = call.clone();
    // Checked where the row is locked: between a look and the write somebody else may be faster.
    call.author.options.precondition = call.conditions.of_write()?;
    write(state, &call, change)
}

fn known(state: &State, object: &str) -> Result<Arc<ObjectType>, ApiError> {
    state.schema().object(object).cloned().ok_or_else(ApiError::not_found)
}

/// `POST /sobjects/Case`
pub(super) fn create(state: &State, call: &Call<'_>, object: &str) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    let fields = call.fields()?;
    let outcome = write_if(state, call, Change::Create { object: object.name.clone(), fields })?;
    let body = json!({"id": outcome.id.to_string(), "success": true, "errors": []});
    Ok(Reply::json(201, &body).with_header("location", url(call, &object, outcome.id)))
}

fn url(call: &Call<'_>, object: &ObjectType, id: RecordId) -> String {
    format!("/services/data/{}/sobjects/{}/{id}", call.version, object.name)
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
pub(super) fn read(
    state: &State,
    call: &Call<'_>,
    object: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    let org = call.org(state);
    let row = live(&org, &object, id)?;
    if let Some(instead) = call.conditions.of_read(&object, row) {
        return Ok(instead);
    }
    let positions = positions(&object, call.params.get("fields").map(String::as_str))?;
    let body = record(&object, row, &positions, &call.version);
    Ok(stamped(Reply::json(200, &body), &object, row))
}

/// Returns the places of the named fields, of all when none is named.
pub(super) fn positions(object: &ObjectType, names: Option<&str>) -> Result<Vec<usize>, ApiError> {
    let Some(names) = names else {
        return Ok(object.visible().map(|(position, _)| position).collect());
    };
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
    call: &Call<'_>,
    object: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    live(&call.org(state), &object, id)?;
    let change = Change::Update {
        object: Some(object.name.clone()),
        id: id.to_owned(),
        fields: call.fields()?,
    };
    write_if(state, call, change)?;
    Ok(Reply::empty(204))
}

/// `DELETE /sobjects/Case/ID`, whatever the conditions: the platform knows none for deletes.
pub(super) fn delete(
    state: &State,
    call: &Call<'_>,
    object: &str,
    id: &str,
) -> Result<Reply, ApiError> {
    let object = known(state, object)?;
    live(&call.org(state), &object, id)?;
    write(state, call, Change::Delete { id: id.to_owned() })?;
    Ok(Reply::empty(204))
}

/// `PATCH /sobjects/Case/MBR_Id__c/VALUE`
pub(super) fn upsert(
    state: &State,
    call: &Call<'_>,
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
    if !key.eq_ignore_ascii_case("Id") {
        let found = matching(state, call, &object, key, value)?;
        if found.len() > 1 {
            return Ok(choices(call, &object, &found));
        }
    }
    let change = Change::Upsert {
        object: object.name.clone(),
        key: key.to_owned(),
        value: value.to_owned(),
        fields,
    };
    let outcome = write_if(state, call, change)?;
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
    let body = json!({"id": outcome.id.to_string(), "success": true, "errors": [],
                      "created": outcome.created});
    if !outcome.created {
        return Ok(Reply::json(200, &body));
    }
    Ok(Reply::json(201, &body).with_header("location", url(call, &object, outcome.id)))
}

/// Finds the rows with this external id.
fn matching(
    state: &State,
    call: &Call<'_>,
    object: &ObjectType,
    key: &str,
    value: &str,
) -> Result<Vec<RecordId>, ApiError> {
    let field = object.field(key).filter(|(_, field)| field.external_id);
    let (position, _) = field.ok_or_else(|| {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {key}");
        ApiError::new(404, "NOT_FOUND", message)
    })?;
    let org = call.org(state);
    let table = org.table(&object.name);
    Ok(table.map(|table| table.matching(position, value)).unwrap_or_default())
}

/// Lists the rows that share an external id.
fn choices(call: &Call<'_>, object: &ObjectType, ids: &[RecordId]) -> Reply {
    let urls: Json = ids.iter().map(|id| url(call, object, *id)).collect();
    Reply::json(300, &urls)
}

/// Does something with the one row that has this external id.
fn by_key(
    state: &State,
    call: &Call<'_>,
    (object, key, value): (&str, &str, &str),
    then: impl Fn(&State, &Call<'_>, &str, &str) -> Result<Reply, ApiError>,
) -> Result<Reply, ApiError> {
    let known = known(state, object)?;
    match matching(state, call, &known, key, value)?.as_slice() {
        [] => Err(ApiError::not_found()),
        [id] => then(state, call, object, &id.to_string()),
        several => Ok(choices(call, &known, several)),
    }
}

/// `GET /sobjects/Case/MBR_Id__c/VALUE`
pub(super) fn read_by_key(
    state: &State,
    call: &Call<'_>,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Reply, ApiError> {
    by_key(state, call, (object, key, value), read)
}

/// `DELETE /sobjects/Case/MBR_Id__c/VALUE`
pub(super) fn delete_by_key(
    state: &State,
    call: &Call<'_>,
    object: &str,
    key: &str,
    value: &str,
) -> Result<Reply, ApiError> {
    by_key(state, call, (object, key, value), delete)
}
