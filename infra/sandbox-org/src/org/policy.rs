//! What an administrator of the org set up: rules for records, and how much fits in.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::error::RecordError;
use super::row::Row;
use super::state::Org;
use crate::schema::ObjectType;

/// A validation rule: a field must not have a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidationRule {
    /// Object.
    pub object: String,
    /// Field that is looked at.
    pub field: String,
    /// The value it must not have; texts are compared whatever their case.
    pub must_not_be: Json,
    /// What a person reads.
    pub message: String,
    /// Whether the error is shown at the field, and so names it.
    #[serde(default)]
    pub at_field: bool,
}

/// A duplicate rule: two rows must not agree in all of some fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    /// Object.
    pub object: String,
    /// Name, such as `Standard_Contact_Duplicate_Rule`.
    pub name: String,
    /// Fields that are compared; a row in which one is empty has no duplicates.
    pub fields: Vec<String>,
    /// Whether a caller who insists may save all the same: the rule alerts, it does not block.
    #[serde(default)]
    pub allow_save: bool,
}

/// What an administrator of the org set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Validation rules.
    pub validation_rules: Vec<ValidationRule>,
    /// Duplicate rules.
    pub duplicate_rules: Vec<DuplicateRule>,
    /// Records of one request above which a trigger of the org runs out of its Apex limits.
    pub max_trigger_rows: Option<usize>,
    /// Rows above which the storage of the org is full.
    pub max_rows: Option<usize>,
    /// Ids above which getUpdated and getDeleted refuse to answer. Source: SOAP API guide, `getUpdated`.
    pub max_replicated_ids: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            validation_rules: Vec::new(),
            duplicate_rules: Vec::new(),
            max_trigger_rows: None,
            max_rows: None,
            max_replicated_ids: 600_000,
        }
    }
}

/// Runs the validation rules over a row that is to be saved.
pub(super) fn validate(org: &Org, object: &ObjectType, row: &Row) -> Result<(), RecordError> {
    for rule in org.policy.validation_rules.iter().filter(|rule| rule.object == object.name) {
        let Some((place, field)) =
            object.place(&rule.field).and_then(|at| Some((at, object.fields.get(at)?)))
        else {
            continue;
        };
        if is_same(&row.get(place).to_json(field.kind), &rule.must_not_be) {
            let refusal = RecordError::new("FIELD_CUSTOM_VALIDATION_EXCEPTION", &rule.message);
            return Err(if rule.at_field { refusal.with_field(&field.name) } else { refusal });
        }
    }
    Ok(())
}

fn is_same(value: &Json, other: &Json) -> bool {
    match (value, other) {
        (Json::String(value), Json::String(other)) => value.to_lowercase() == other.to_lowercase(),
        (Json::Number(value), Json::Number(other)) => value.as_f64() == other.as_f64(),
        _ => value == other,
    }
}

/// Runs the duplicate rules over a row that is to be saved; `insists` is a caller who saves alerts.
pub(super) fn check_duplicates(
    org: &Org,
    object: &ObjectType,
    row: &Row,
    insists: bool,
) -> Result<(), RecordError> {
    for rule in org.policy.duplicate_rules.iter().filter(|rule| rule.object == object.name) {
        let matches = duplicates(org, object, row, rule);
        if matches.is_empty() || (rule.allow_save && insists) {
            continue;
        }
        let records: Vec<Json> = matches
            .iter()
            .map(|id| {
                json!({"additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                       "record": {"attributes": {"type": object.name}, "Id": id}})
            })
            .collect();
        let result = json!({
            "allowSave": rule.allow_save, "duplicateRule": rule.name,
            "duplicateRuleEntityType": object.name,
            "errorMessage": "Use one of these records?",
            "matchResults": [{
                "entityType": object.name, "errors": [], "matchEngine": "ExactMatchEngine",
                "matchRecords": records, "rule": format!("{}_Match", rule.name),
                "size": matches.len(), "success": true,
            }],
        });
        let refusal = RecordError::new("DUPLICATES_DETECTED", "Use one of these records?");
        return Err(refusal.with_detail("duplicateResult", result));
    }
    Ok(())
}

/// Returns the ids of up to 100 rows that agree with `row` in all fields of a rule.
fn duplicates(org: &Org, object: &ObjectType, row: &Row, rule: &DuplicateRule) -> Vec<String> {
    let places: Vec<usize> = rule.fields.iter().filter_map(|name| object.place(name)).collect();
    let key = |row: &Row| -> Option<Vec<String>> {
        let texts = places.iter().map(|place| {
            let kind = object.fields.get(*place)?.kind;
            row.get(*place).to_xml_text(kind).map(|text| text.to_lowercase())
        });
        texts.collect()
    };
    let Some(wanted) = key(row).filter(|wanted| !wanted.is_empty()) else { return Vec::new() };
    let rows = org.table(&object.name).into_iter().flat_map(super::table::Table::rows);
    rows.filter(|other| other.id != row.id && !other.is_deleted())
        .filter(|other| key(other).as_ref() == Some(&wanted))
        .take(100)
        .map(|other| other.id.to_string())
        .collect()
}

/// Refuses all records of a request that is too large for the org's triggers.
pub(super) fn check_triggers(org: &Org, n_changes: usize) -> Result<(), RecordError> {
    match org.policy.max_trigger_rows {
        Some(max) if n_changes > max => {
            let message = "SandboxTrigger: System.LimitException: Apex CPU time limit exceeded";
            Err(RecordError::new("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message))
        }
        _ => Ok(()),
    }
}

/// Refuses a new row when the storage is full.
pub(super) fn check_storage(org: &Org) -> Result<(), RecordError> {
    match org.policy.max_rows {
        Some(max) if org.tables().map(super::table::Table::n_rows).sum::<usize>() >= max => {
            Err(RecordError::new("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded"))
        }
        _ => Ok(()),
    }
}
