//! What of a described object matters for reading and writing it, in a form that can be kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::bulk::ColumnKind;

/// The fields of an object as the user of the connection sees them. Serialisable, so that it can be
/// compared with the one of last week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectShape {
    /// The API name.
    pub name: String,
    /// The fields by their name.
    pub fields: BTreeMap<String, FieldShape>,
}

/// One field. Source: SOAP API guide, "Field" of a describe result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldShape {
    /// The type, such as `string` or `reference`.
    #[serde(rename = "type")]
    pub field_type: String,
    /// The longest text, in characters; 0 for what is no text.
    pub length: u32,
    /// Whether it may be empty.
    pub nillable: bool,
    /// Whether the user may change it.
    pub updateable: bool,
    /// Whether the user may set it in a new record.
    pub createable: bool,
    /// Whether it identifies records for other systems.
    pub external_id: bool,
    /// Whether no two records hold the same value.
    pub unique: bool,
    /// Whether the case of letters counts when values are compared.
    pub case_sensitive: bool,
    /// The objects that it may point to.
    pub reference_to: Vec<String>,
    /// What leads from a record to the one it points to, such as `Account`.
    pub relationship_name: Option<String>,
    /// The active values of a picklist.
    pub picklist_values: Vec<String>,
}

impl FieldShape {
    /// Returns what a column of the field holds in bulk results.
    pub fn column_kind(&self) -> ColumnKind {
        ColumnKind::of_field_type(&self.field_type)
    }

    /// Tells whether a column can hold it: not what is put together from other fields, nor bytes.
    /// Source: Bulk API 2.0 guide, "Query limitations".
    pub fn is_in_columns(&self) -> bool {
        !matches!(self.field_type.as_str(), "address" | "location" | "base64" | "complexvalue")
    }
}

impl ObjectShape {
    /// Returns the field called `name`, whose case does not count.
    pub fn field(&self, name: &str) -> Option<&FieldShape> {
        self.fields.get(name).or_else(|| {
            self.fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, field)| field)
        })
    }

    /// Returns the field that leads to the parent called `relationship`, whose case does not count.
    pub fn reference(&self, relationship: &str) -> Option<&FieldShape> {
        let is_it = |it: &&FieldShape| {
            let name = it.relationship_name.as_deref();
            name.is_some_and(|name| name.eq_ignore_ascii_case(relationship))
        };
        self.fields.values().find(is_it)
    }

    /// Returns a mark of everything whose change a mapping must hear of: name, type, length,
    /// nillable, updateable, references and picklist values of each field.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for (name, it) in &self.fields {
            let line = (
                name,
                &it.field_type,
                it.length,
                it.nillable,
                it.updateable,
                &it.reference_to,
                &it.picklist_values,
            );
            // Tuples of texts and numbers are always JSON.
            hash.update(serde_json::to_vec(&line).unwrap_or_default());
            hash.update([b'\n']);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A describe answer, as far as a shape is made of it.
#[derive(Deserialize)]
pub(super) struct DescribeAnswer {
    name: String,
    fields: Vec<FieldAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldAnswer {
    name: String,
    #[serde(flatten)]
    flags: FieldFlags,
    #[serde(default)]
    reference_to: Vec<String>,
    #[serde(default)]
    relationship_name: Option<String>,
    #[serde(default)]
    picklist_values: Option<Vec<PicklistAnswer>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FieldFlags {
    #[serde(rename = "type")]
    field_type: String,
    #[serde(default)]
    length: u32,
    #[serde(default)]
    nillable: bool,
    #[serde(default)]
    updateable: bool,
    #[serde(default)]
    createable: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    case_sensitive: bool,
}

#[derive(Deserialize)]
struct PicklistAnswer {
    #[serde(default)]
    active: bool,
    value: Option<String>,
}

impl From<DescribeAnswer> for ObjectShape {
    fn from(answer: DescribeAnswer) -> Self {
        let fields = answer.fields.into_iter().map(|it| {
            let FieldFlags {
                field_type,
                length,
                nillable,
                updateable,
                createable,
                external_id,
                unique,
                case_sensitive,
            } = it.flags;
            let values = it.picklist_values.unwrap_or_default().into_iter();
            let picklist_values = values.filter(|it| it.active).filter_map(|it| it.value).collect();
            let field = FieldShape {
                field_type,
                length,
                nillable,
                updateable,
                createable,
                external_id,
                unique,
                case_sensitive,
                reference_to: it.reference_to,
                relationship_name: it.relationship_name,
                picklist_values,
            };
            (it.name, field)
        });
        Self { name: answer.name, fields: fields.collect() }
    }
}
