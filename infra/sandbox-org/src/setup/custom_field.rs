//! Custom fields in the words of the Metadata API.

use serde_json::Value as Json;

use crate::org::RecordError;
use crate::schema::{AlterError, Alteration, ChangedField, Field, FieldKind, NewField};

/// The types of the Metadata API and what they are called in describe.
/// Source: Metadata API guide, `CustomField`, "Field types".
const TYPES: [(&str, &str); 17] = [
    ("Text", "string"),
    ("TextArea", "textarea"),
    ("LongTextArea", "textarea"),
    ("Html", "textarea"),
    ("Email", "email"),
    ("Phone", "phone"),
    ("Url", "url"),
    ("Picklist", "picklist"),
    ("MultiselectPicklist", "multipicklist"),
    ("Checkbox", "boolean"),
    ("Date", "date"),
    ("DateTime", "datetime"),
    ("Number", "double"),
    ("Percent", "double"),
    ("Currency", "currency"),
    ("Lookup", "reference"),
    ("MasterDetail", "reference"),
];

/// Returns the describe name of a type.
fn describe_type(metadata: &str) -> Option<&'static str> {
    TYPES.iter().find(|(name, _)| *name == metadata).map(|(_, kind)| *kind)
}

/// Returns the name that the Metadata API gives the type of a field.
#[must_use]
pub(super) fn metadata_type(field: &Field) -> &'static str {
    if field.kind == FieldKind::TextArea && field.length > 255 {
        return "LongTextArea";
    }
    TYPES.iter().find(|(_, kind)| *kind == field.kind.name()).map_or("Text", |(name, _)| *name)
}

/// Returns how set-up pages write the type of a field: `Text(255)`, `Lookup(Account)`.
#[must_use]
pub(super) fn data_type(field: &Field) -> String {
    match field.kind {
        FieldKind::Text => format!("Text({})", field.length),
        FieldKind::TextArea if field.length > 255 => format!("Long Text Area({})", field.length),
        FieldKind::TextArea => format!("Text Area({})", field.length),
        FieldKind::Reference => format!("Lookup({})", field.reference_to.join(",")),
        FieldKind::DateTime => "Date/Time".to_owned(),
        FieldKind::Boolean => "Checkbox".to_owned(),
        FieldKind::Double => "Number(18, 15)".to_owned(),
        FieldKind::Int => "Number(8, 0)".to_owned(),
        FieldKind::Currency => "Currency(18, 0)".to_owned(),
        FieldKind::Url => "URL".to_owned(),
        FieldKind::Id => "Id".to_owned(),
        FieldKind::Address => "Address".to_owned(),
        FieldKind::Email => "Email".to_owned(),
        FieldKind::Phone => "Phone".to_owned(),
        FieldKind::Picklist => "Picklist".to_owned(),
        FieldKind::MultiPicklist => "Picklist (Multi-Select)".to_owned(),
        FieldKind::Date => "Date".to_owned(),
    }
}

fn text(metadata: &Json, key: &str) -> Option<String> {
    match metadata.get(key)? {
        Json::String(text) => Some(text.clone()),
        Json::Null => None,
        other => Some(other.to_string()),
    }
}

fn flag(metadata: &Json, key: &str) -> Option<bool> {
    text(metadata, key).map(|text| text == "true")
}

fn length(metadata: &Json) -> Option<usize> {
    text(metadata, "length").and_then(|text| text.parse().ok())
}

/// Reads the words of a picklist and whether it is restricted.
fn values(metadata: &Json) -> (Option<Vec<String>>, Option<bool>) {
    let Some(set) = metadata.get("valueSet") else { return (None, None) };
    let listed = set.pointer("/valueSetDefinition/value");
    let words = listed.map(|listed| {
        let all = listed.as_array().map_or_else(|| vec![listed], |all| all.iter().collect());
        all.into_iter()
            .filter_map(|value| text(value, "fullName").or_else(|| text(value, "valueName")))
            .collect()
    });
    (words, flag(set, "restricted"))
}

/// Cuts `Case.Judge__c` into object and field.
fn split(full_name: &str) -> Result<(String, String), RecordError> {
    let parts =
        full_name.split_once('.').filter(|(object, field)| !object.is_empty() && !field.is_empty());
    parts.map(|(object, field)| (object.to_owned(), field.to_owned())).ok_or_else(|| {
        let message = format!("FullName must be an object and a field, not: {full_name}");
        RecordError::new("FIELD_INTEGRITY_EXCEPTION", message).with_field("FullName")
    })
}

fn kind(metadata: &Json) -> Result<Option<String>, RecordError> {
    let Some(name) = text(metadata, "type") else { return Ok(None) };
    match describe_type(&name) {
        Some(kind) => Ok(Some(kind.to_owned())),
        None => {
            let message = format!("fields of this type cannot be made here: {name}");
            Err(RecordError::new("FIELD_INTEGRITY_EXCEPTION", message).with_field("type"))
        }
    }
}

/// Reads a field that is to be made.
pub(super) fn new_field(full_name: &str, metadata: &Json) -> Result<Alteration, RecordError> {
    let (object, name) = split(full_name)?;
    let kind = kind(metadata)?.ok_or_else(|| {
        let message = "Required field is missing: type";
        RecordError::new("REQUIRED_FIELD_MISSING", message).with_field("type")
    })?;
    let (values, restricted) = values(metadata);
    let is_area = text(metadata, "type").is_some_and(|name| name == "TextArea");
    Ok(Alteration::Add(NewField {
        object,
        name,
        kind,
        length: length(metadata).unwrap_or(if is_area { 255 } else { 0 }),
        label: text(metadata, "label"),
        required: flag(metadata, "required").unwrap_or(false),
        external_id: flag(metadata, "externalId").unwrap_or(false),
        unique: flag(metadata, "unique").unwrap_or(false),
        values: values.unwrap_or_default(),
        restricted: restricted.unwrap_or(false),
        reference_to: text(metadata, "referenceTo").into_iter().collect(),
        ..NewField::default()
    }))
}

/// Reads what of a field is to change.
pub(super) fn changed_field(full_name: &str, metadata: &Json) -> Result<Alteration, RecordError> {
    let (object, field) = split(full_name)?;
    let (values, restricted) = values(metadata);
    Ok(Alteration::Change(ChangedField {
        object,
        field,
        kind: kind(metadata)?,
        length: length(metadata),
        label: text(metadata, "label"),
        values,
        restricted,
        required: flag(metadata, "required"),
        external_id: flag(metadata, "externalId"),
        unique: flag(metadata, "unique"),
        access: None,
    }))
}

/// Says in the platform's words why a field was not made or changed.
pub(super) fn refusal(error: &AlterError) -> RecordError {
    let code = match error {
        AlterError::Taken { .. } => "DUPLICATE_DEVELOPER_NAME",
        AlterError::UnknownObject { .. } => "INVALID_TYPE",
        AlterError::UnknownField { .. } => "INVALID_CROSS_REFERENCE_KEY",
        AlterError::Name { .. } | AlterError::Kind { .. } | AlterError::Standard { .. } => {
            "FIELD_INTEGRITY_EXCEPTION"
        }
    };
    RecordError::new(code, error.to_string())
}
