//! Objects as describe tells them.

use serde::Deserialize;
use shared::ids::ObjectName;

use super::field::FieldDescribe;

/// One entry of the global describe.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectSummary {
    /// API name.
    pub name: ObjectName,
    /// What people read.
    #[serde(default)]
    pub label: String,
    /// First three characters of the ids of its records.
    #[serde(default)]
    pub key_prefix: Option<String>,
    /// Whether it was added by the org or a package.
    #[serde(default)]
    pub custom: bool,
    /// Whether it can be queried.
    #[serde(default)]
    pub queryable: bool,
    /// Whether records can be created.
    #[serde(default)]
    pub createable: bool,
    /// Whether records can be updated.
    #[serde(default)]
    pub updateable: bool,
    /// Whether records can be deleted.
    #[serde(default)]
    pub deletable: bool,
    /// Whether records can be taken out of the recycle bin.
    #[serde(default)]
    pub undeletable: bool,
    /// Whether the org tells which records changed or went.
    #[serde(default)]
    pub replicateable: bool,
}

/// Every object that the user may see.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GlobalDescribe {
    /// Most records that a call carries.
    #[serde(default)]
    pub max_batch_size: u32,
    /// The objects.
    pub sobjects: Vec<ObjectSummary>,
}

/// Records that point to a record of this object.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildRelationship {
    /// The object of those records.
    #[serde(rename = "childSObject")]
    pub child_object: ObjectName,
    /// Their field that points here.
    pub field: String,
    /// Name of the list in a query, such as `Cases`; some have none.
    #[serde(default)]
    pub relationship_name: Option<String>,
    /// Whether they are deleted with this one.
    #[serde(default)]
    pub cascade_delete: bool,
    /// Whether they hinder its deletion.
    #[serde(default)]
    pub restricted_delete: bool,
}

/// A record type.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordType {
    /// Its id.
    pub record_type_id: String,
    /// API name.
    #[serde(default)]
    pub developer_name: Option<String>,
    /// What people read.
    #[serde(default)]
    pub name: String,
    /// Whether the user may use it.
    #[serde(default)]
    pub available: bool,
}

/// One object with its fields. Keys that are not named here are passed over.
///
/// Source: REST API guide, "sObject describe".
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDescribe {
    /// What the global describe tells of it too.
    #[serde(flatten)]
    pub summary: ObjectSummary,
    /// Its fields.
    pub fields: Vec<FieldDescribe>,
    /// Records that point here.
    #[serde(default)]
    pub child_relationships: Vec<ChildRelationship>,
    /// Its record types.
    #[serde(default)]
    pub record_type_infos: Vec<RecordType>,
}

impl ObjectDescribe {
    /// Returns the API name.
    pub fn name(&self) -> &ObjectName {
        &self.summary.name
    }

    /// Finds a field; case does not count.
    pub fn field(&self, name: &str) -> Option<&FieldDescribe> {
        self.fields.iter().find(|it| it.name.eq_ignore_ascii_case(name))
    }

    /// Finds the reference that a relationship follows; case does not count.
    pub fn relationship(&self, name: &str) -> Option<&FieldDescribe> {
        let is_called = |it: &&FieldDescribe| {
            it.relationship_name.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(name))
        };
        self.fields.iter().find(is_called)
    }

    /// Finds the records that a relationship lists; case does not count.
    pub fn children(&self, name: &str) -> Option<&ChildRelationship> {
        let is_called = |it: &&ChildRelationship| {
            it.relationship_name.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(name))
        };
        self.child_relationships.iter().find(is_called)
    }
}
