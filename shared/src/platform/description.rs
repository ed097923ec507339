//! What a platform can do, and which streams and fields it has.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ObjectName;
use crate::model::Entity;

/// Something that a platform can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// It lists what changed since an instant.
    ReadChanges,
    /// It reads one record by its id.
    ReadRecord,
    /// It tells which records were deleted.
    ReadDeletes,
    /// It takes changes.
    Write,
    /// It tells us of changes by itself.
    Webhooks,
    /// It moves many records in one job.
    Bulk,
}

impl Capability {
    /// Returns the name used in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadChanges => "read_changes",
            Self::ReadRecord => "read_record",
            Self::ReadDeletes => "read_deletes",
            Self::Write => "write",
            Self::Webhooks => "webhooks",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an integration comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PlatformSource {
    /// It is an adapter of this build.
    Compiled,
    /// It is a manifest of this build.
    BuiltInManifest,
    /// It is a manifest that was loaded at start.
    LoadedManifest,
}

impl fmt::Display for PlatformSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compiled => "compiled",
            Self::BuiltInManifest => "built-in manifest",
            Self::LoadedManifest => "loaded manifest",
        })
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    Text,
    /// True or false.
    Bool,
    /// A number.
    Number,
    /// A day.
    Date,
    /// An instant.
    Datetime,
    /// The id of another record.
    Reference,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Date => "date",
            Self::Datetime => "datetime",
            Self::Reference => "reference",
        })
    }
}

/// One field of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldDescription {
    /// Its name over there.
    pub name: String,
    /// What it holds.
    pub kind: FieldType,
    /// Our column, when it is mapped.
    pub column: Option<String>,
    /// The object that it points at, when it is a reference.
    pub references: Option<ObjectName>,
    /// Whether it can be read.
    pub can_read: bool,
    /// Whether it can be written.
    pub can_write: bool,
}

/// One stream of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamDescription {
    /// The object over there.
    pub object: ObjectName,
    /// Our table, when it is mapped.
    pub entity: Option<Entity>,
    /// Whether deleted records are told.
    pub tells_deletes: bool,
    /// Its fields.
    pub fields: Vec<FieldDescription>,
}

/// What a platform says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PlatformDescription {
    /// The name that settings call it by.
    #[cfg_attr(feature = "openapi", schema(example = "salesforce"))]
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// Where it comes from.
    pub source: PlatformSource,
    /// What it can do.
    pub capabilities: BTreeSet<Capability>,
    /// Its streams.
    pub streams: Vec<StreamDescription>,
    /// The JSON Schema of one connection's settings, without `platform`.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    pub settings_schema: serde_json::Value,
}
