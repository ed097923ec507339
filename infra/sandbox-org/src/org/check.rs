//! Reads the values of a request and checks them against the schema.

use serde_json::{Map, Value as Json};

use super::error::RecordError;
use super::row::{Row, Value, parse_date, parse_instant};
use super::state::Org;
use crate::ids::RecordId;
use crate::schema::{Field, FieldKind, ObjectType};

/// Puts the values of a request into `row`.
pub(super) fn apply(
    org: &Org,
    object: &ObjectType,
    row: &mut Row,
    fields: &Map<String, Json>,
    is_new: bool,
) -> Result<(), RecordError> {
    for (name, json) in fields {
        if name.eq_ignore_ascii_case("attributes") {
            continue;
        }
        let (position, field) = object.field(name).ok_or_else(|| {
            let message = format!("No such column '{name}' on sobject of type {}", object.name);
            RecordError::new("INVALID_FIELD", message)
        })?;
        let writable = if is_new { field.is_createable() } else { field.is_updateable() };
        if !writable {
            return Err(read_only(field));
        }
        let value = read(org, field, json)?;
        if !is_new && value.is_null() && field.is_required() {
            return Err(required(&[field.name.as_str()]));
        }
        row.set(position, value);
    }
    Ok(())
}

/// Checks that a new row has all it needs.
pub(super) fn check_required(object: &ObjectType, row: &Row) -> Result<(), RecordError> {
    let missing: Vec<&str> = object
        .fields
        .iter()
        .enumerate()
        .filter(|(position, field)| field.is_required() && row.get(*position).is_null())
        .map(|(_, field)| field.name.as_str())
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(required(&missing)) }
}

/// Checks that no other row has a value that must be unique.
pub(super) fn check_unique(org: &Org, object: &ObjectType, row: &Row) -> Result<(), RecordError> {
    let Some(table) = org.table(&object.name) else { return Ok(()) };
    for (position, field) in
        object.fields.iter().enumerate().filter(|(_, f)| f.unique && !f.is_gone)
    {
        let Some(text) = row.get(position).as_text() else { continue };
        if let Some(other) = table.by_unique(position, text).filter(|id| *id != row.id) {
            let message = format!(
                "duplicate value found: {} duplicates value on record with id: {}",
                field.name,
                other.short()
            );
            return Err(RecordError::new("DUPLICATE_VALUE", message));
        }
    }
    Ok(())
}

fn required(names: &[&str]) -> RecordError {
    let message = format!("Required fields are missing: [{}]", names.join(", "));
    let refusal = RecordError::new("REQUIRED_FIELD_MISSING", message);
    names.iter().fold(refusal, |refusal, name| refusal.with_field(name))
}

fn read_only(field: &Field) -> RecordError {
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and \
         verify that it is read/write for your profile or permission set.",
        field.name
    );
    RecordError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).with_field(&field.name)
}

/// Reads one value of a request.
fn read(org: &Org, field: &Field, json: &Json) -> Result<Value, RecordError> {
    let text = match json {
        Json::Null => return Ok(Value::Null),
        Json::Bool(yes) if field.kind == FieldKind::Boolean => return Ok(Value::Bool(*yes)),
        Json::Number(number) if is_number(field.kind) => {
            return checked_number(field, number.as_f64().unwrap_or(f64::INFINITY));
        }
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) if field.kind.is_text() => number.to_string(),
        Json::Bool(yes) if field.kind.is_text() => yes.to_string(),
        other => return Err(bad_type(field, other)),
    };
    if text.is_empty() {
        return Ok(Value::Null);
    }
    match field.kind {
        FieldKind::Id | FieldKind::Reference => reference(org, field, &text),
        FieldKind::Date => parse_date(&text).map(Value::Date).ok_or_else(|| bad_type(field, json)),
        FieldKind::DateTime => {
            parse_instant(&text).map(Value::Instant).ok_or_else(|| bad_type(field, json))
        }
        FieldKind::Boolean => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(bad_type(field, json)),
        },
        kind if is_number(kind) => {
            let number = text.parse().map_err(|_| bad_type(field, json))?;
            checked_number(field, number)
        }
        _ => checked_text(field, text),
    }
}

fn is_number(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Double | FieldKind::Currency | FieldKind::Int)
}

/// Largest numbers: 8 digits for whole numbers, 18 for others. Source: describe, `digits` and `precision`.
fn checked_number(field: &Field, number: f64) -> Result<Value, RecordError> {
    let end = if field.kind == FieldKind::Int { 1e8 } else { 1e18 };
    if number.abs() < end {
        return Ok(Value::Number(number));
    }
    let message =
        format!("{}: value outside of valid range on numeric field: {number}", field.label());
    Err(RecordError::new("NUMBER_OUTSIDE_VALID_RANGE", message).with_field(&field.name))
}

fn checked_text(field: &Field, text: String) -> Result<Value, RecordError> {
    if field.length > 0 && text.chars().count() > field.length {
        let shown: String = text.chars().take(255).collect();
        let message = format!(
            "{}: data value too large: {shown} (max length={})",
            field.label(),
            field.length
        );
        return Err(RecordError::new("STRING_TOO_LONG", message).with_field(&field.name));
    }
    let is_known = |word: &String| word.eq_ignore_ascii_case(&text);
    if field.kind == FieldKind::Picklist && field.restricted && !field.values.iter().any(is_known) {
        let message = format!("{}: bad value for restricted picklist field: {text}", field.label());
        let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
        return Err(RecordError::new(code, message).with_field(&field.name));
    }
    let has_domain = |text: &str| {
        text.split_once('@').is_some_and(|(who, host)| {
            !who.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
        }) && !text.contains(char::is_whitespace)
    };
    if field.kind == FieldKind::Email && !has_domain(&text) {
        let message = format!("{}: invalid email address: {text}", field.label());
        return Err(RecordError::new("INVALID_EMAIL_ADDRESS", message).with_field(&field.name));
    }
    Ok(Value::Text(text.into_boxed_str()))
}

fn reference(org: &Org, field: &Field, text: &str) -> Result<Value, RecordError> {
    let malformed = || {
        let message = format!("{}: id value of incorrect type: {text}", field.label());
        RecordError::new("MALFORMED_ID", message).with_field(&field.name)
    };
    let id = RecordId::parse(text).ok_or_else(malformed)?;
    let target = org.schema().by_prefix(id.prefix()).ok_or_else(malformed)?;
    if !field.reference_to.contains(&target.name) {
        let message = format!("{}: id value of incorrect type: {id}", field.label());
        return Err(RecordError::new("FIELD_INTEGRITY_EXCEPTION", message).with_field(&field.name));
    }
    match org.table(&target.name).and_then(|table| table.row(id)) {
        Some(row) if row.is_deleted() => Err(RecordError::deleted().with_field(&field.name)),
        Some(_) => Ok(Value::Id(id)),
        None => Err(RecordError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            .with_field(&field.name)),
    }
}

fn bad_type(field: &Field, json: &Json) -> RecordError {
    let shown = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
    let wanted = match field.kind {
        FieldKind::Boolean => "boolean",
        FieldKind::Date => "date",
        FieldKind::DateTime => "datetime",
        FieldKind::Int => "int",
        FieldKind::Double | FieldKind::Currency => "double",
        _ => "string",
    };
    let message = format!(
        "Cannot deserialize instance of {wanted} from value {shown} or request may be missing a required field"
    );
    RecordError::new("JSON_PARSER_ERROR", message).with_field(&field.name)
}
