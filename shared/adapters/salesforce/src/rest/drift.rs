//! What changed in an object since it was described before.

use serde::{Deserialize, Serialize};

use super::shape::{FieldShape, ObjectShape};

/// What changed in an object. A field that is gone was deleted, or hidden from the user: its values
/// are unknown, not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaDrift {
    /// The object.
    pub object: String,
    /// Fields that were not there before.
    pub new_fields: Vec<String>,
    /// Fields that are no longer there.
    pub gone_fields: Vec<String>,
    /// Fields that are not what they were.
    pub changed_fields: Vec<FieldDrift>,
}

/// What changed in a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDrift {
    /// The field.
    pub field: String,
    /// What changed.
    pub changes: Vec<FieldChange>,
}

/// One change of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum FieldChange {
    /// It has another type.
    Type {
        /// The type before.
        from: String,
        /// The type now.
        to: String,
    },
    /// It holds longer or shorter texts.
    Length {
        /// The longest text before, in characters.
        from: u32,
        /// The longest text now.
        to: u32,
    },
    /// It may be empty now, or no longer.
    Nillable {
        /// Whether it may be empty now.
        to: bool,
    },
    /// The user may change it now, or no longer.
    Updateable {
        /// Whether the user may change it now.
        to: bool,
    },
    /// It points to other objects.
    ReferenceTo {
        /// The objects now.
        to: Vec<String>,
    },
    /// Its picklist has other values.
    Picklist {
        /// Values that were not there before.
        new: Vec<String>,
        /// Values that are no longer there.
        gone: Vec<String>,
    },
}

impl SchemaDrift {
    /// Compares two shapes of one object; `None` when nothing that matters changed.
    pub fn between(before: &ObjectShape, now: &ObjectShape) -> Option<Self> {
        let missing = |from: &ObjectShape, of: &ObjectShape| -> Vec<String> {
            of.fields.keys().filter(|it| !from.fields.contains_key(*it)).cloned().collect()
        };
        let changed_fields: Vec<FieldDrift> = now
            .fields
            .iter()
            .filter_map(|(name, field)| {
                let changes = changes(before.fields.get(name)?, field);
                (!changes.is_empty()).then(|| FieldDrift { field: name.clone(), changes })
            })
            .collect();
        let (new_fields, gone_fields) = (missing(before, now), missing(now, before));
        let is_same = new_fields.is_empty() && gone_fields.is_empty() && changed_fields.is_empty();
        let object = now.name.clone();
        (!is_same).then_some(Self { object, new_fields, gone_fields, changed_fields })
    }
}

fn changes(before: &FieldShape, now: &FieldShape) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if before.field_type != now.field_type {
        let (from, to) = (before.field_type.clone(), now.field_type.clone());
        changes.push(FieldChange::Type { from, to });
    }
    if before.length != now.length {
        changes.push(FieldChange::Length { from: before.length, to: now.length });
    }
    if before.nillable != now.nillable {
        changes.push(FieldChange::Nillable { to: now.nillable });
    }
    if before.updateable != now.updateable {
        changes.push(FieldChange::Updateable { to: now.updateable });
    }
    if before.reference_to != now.reference_to {
        changes.push(FieldChange::ReferenceTo { to: now.reference_to.clone() });
    }
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        of.iter().filter(|it| !from.contains(it)).cloned().collect()
    };
    let new = missing(&before.picklist_values, &now.picklist_values);
    let gone = missing(&now.picklist_values, &before.picklist_values);
    if !new.is_empty() || !gone.is_empty() {
        changes.push(FieldChange::Picklist { new, gone });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picklist(values: &[&str]) -> FieldShape {
        FieldShape {
            field_type: "picklist".into(),
            length: 40,
            picklist_values: values.iter().map(|it| (*it).to_owned()).collect(),
            ..FieldShape::default()
        }
    }

    fn shape(fields: &[(&str, FieldShape)]) -> ObjectShape {
        let fields = fields.iter().map(|(name, it)| ((*name).to_owned(), it.clone())).collect();
        ObjectShape { name: "Case".into(), fields }
    }

    #[test]
    fn every_change_that_matters_is_named() {
        let before = shape(&[("Status", picklist(&["New", "Closed"])), ("Old__c", picklist(&[]))]);
        let mut status = picklist(&["New", "Escalated"]);
        (status.length, status.field_type) = (255, "string".into());
        (status.nillable, status.updateable) = (true, true);
        status.reference_to = vec!["User".into()];
        let now = shape(&[("Status", status), ("Fresh__c", picklist(&[]))]);

        let drift = SchemaDrift::between(&before, &now).unwrap();

        assert_eq!(
            (drift.new_fields, drift.gone_fields),
            (vec!["Fresh__c".into()], vec!["Old__c".into()])
        );
        let [FieldDrift { field, changes }] = drift.changed_fields.as_slice() else { panic!() };
        assert_eq!((field.as_str(), changes.len()), ("Status", 6));
        let gone =
            FieldChange::Picklist { new: vec!["Escalated".into()], gone: vec!["Closed".into()] };
        assert!(changes.contains(&gone), "{changes:?}");
        assert_ne!(before.fingerprint(), now.fingerprint());
    }

    #[test]
    fn what_does_not_matter_is_no_drift() {
        let before = shape(&[("Status", picklist(&["New", "Closed"]))]);
        let mut field = picklist(&["New", "Closed"]);
        field.createable = true;
        let now = shape(&[("Status", field)]);
        assert_eq!(SchemaDrift::between(&before, &now), None);
        assert_eq!(before.fingerprint(), now.fingerprint());
    }
}
