//! Shadows.

use std::collections::BTreeMap;

use shared::ids::{ConnectionId, ObjectName, RecordId};
use shared::model::{Edits, RecordKey};
use shared::ports::Shadow;
use shared::sync::DigestSum;
use sqlx::FromRow;

use crate::store::decode::{checked, count, entity_id, instant, json};

/// A shadow as it is stored.
#[derive(FromRow)]
pub(in crate::store) struct StoredShadow {
    fields: String,
    version: i64,
    field_versions: String,
    presence_version: i64,
    is_deleted: bool,
    revision: i64,
    entity_id: Option<String>,
    edits: Option<String>,
}

/// Columns of a shadow, save those of its key.
pub(in crate::store) const SHADOW_COLUMNS: &str = "fields, version, field_versions, \
     presence_version, is_deleted, revision, entity_id, edits";

impl StoredShadow {
    /// Reads it as the shadow of `key`.
    pub(in crate::store) fn read(self, key: &RecordKey) -> Result<Shadow, sqlx::Error> {
        let versions: BTreeMap<String, i64> = json(&self.field_versions)?;
        Ok(Shadow {
            entity_id: match self.entity_id {
                Some(id) => entity_id(id)?,
                None => key.entity_id(),
            },
            edits: match &self.edits {
                Some(text) => json(text)?,
                None => Edits::default(),
            },
            key: key.clone(),
            fields: json(&self.fields)?,
            version: instant(self.version),
            field_versions: versions.into_iter().map(|(name, at)| (name, instant(at))).collect(),
            presence_version: instant(self.presence_version),
            is_deleted: self.is_deleted,
            revision: count(self.revision),
        })
    }
}

/// A shadow with its place among those that were asked for.
#[derive(FromRow)]
pub(in crate::store) struct KeyedShadow {
    pub(in crate::store) place: i64,
    #[sqlx(flatten)]
    pub(in crate::store) shadow: StoredShadow,
}

/// What the digest takes of a shadow.
#[derive(FromRow)]
pub(in crate::store) struct DigestedShadow {
    connection: String,
    object: String,
    record_id: String,
    is_deleted: bool,
    fields: String,
}

impl DigestedShadow {
    /// Adds it to `sum`.
    pub(in crate::store) fn add_to(self, sum: &mut DigestSum) -> Result<(), sqlx::Error> {
        let key = RecordKey {
            connection: checked(ConnectionId::parse(self.connection))?,
            object: checked(ObjectName::parse(self.object))?,
            record_id: checked(RecordId::parse(self.record_id))?,
        };
        sum.add(&key, self.is_deleted, &json(&self.fields)?);
        Ok(())
    }
}
