//! Gives references to rows that were made here the names that the platform gave their records.

use crate::error::PortError;
use crate::ids::RecordId;
use crate::model::FieldValue;
use crate::ports::{CaseStore, Shadow};
use crate::sync::mapping::{FieldKind, Mappings};

/// Names what it can in the edits of `shadow`. Returns the remote names of the fields that still
/// refer to a record which the platform has not named yet.
///
/// # Errors
///
/// As the store answers.
pub(super) async fn name_references(
    store: &dyn CaseStore,
    mappings: &Mappings,
    shadow: &mut Shadow,
) -> Result<Vec<String>, PortError> {
    let Some(mapping) = mappings.get(&shadow.key.object) else { return Ok(Vec::new()) };
    let mut unnamed = Vec::new();
    for (field, edit) in &mut shadow.edits.fields {
        let Some(FieldKind::Reference(object)) = mapping.field(field).map(|it| &it.kind) else {
            continue;
        };
        let local = edit.value.as_text().and_then(|raw| RecordId::parse(raw).ok()?.as_local());
        let target = mappings.get(object).map(|it| it.entity);
        let (Some(id), Some(target)) = (local, target) else { continue };
        match store.locate(target, &id).await?.map(|it| it.record_id) {
            Some(record) if record.as_local().is_none() => {
                edit.value = FieldValue::Text(record.into());
            }
            _ => unnamed.push(field.clone()),
        }
    }
    Ok(unnamed)
}
