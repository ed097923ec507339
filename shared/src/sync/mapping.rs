//! Which remote field is which field of ours, which way it travels, and who wins.

mod convert;
mod file;
mod filter;
mod kind;
mod mask;
mod policy;
mod suggest;

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::digest::hex;
use crate::ids::{ConnectionId, EntityId, ObjectName, RecordId};
use crate::model::{Entity, FieldValue, Fields};
use crate::ports::ColumnKind;
use crate::secret::Secret;

pub use convert::{Conversion, Step, Unconvertible};
pub use file::{MappingFault, read_mapping};
pub use filter::{Filter, Test};
pub use kind::FieldKind;
pub use mask::Mask;
pub use policy::{ConflictPolicy, DeleteRules, Direction, Side};
pub use suggest::Suggestion;

/// What the names of mapped custom fields begin with.
pub const CUSTOM_PREFIX: &str = "custom.";

/// One remote field and what it is here.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldMapping {
    /// Its name over there, such as `Docket_Number__c`.
    pub remote: String,
    /// Our field: one of [`Entity::columns`], or `custom.NAME`.
    pub local: String,
    /// What it holds over there.
    pub kind: FieldKind,
    /// Which way it travels.
    pub direction: Direction,
    /// Who wins when both sides changed it.
    pub conflicts: ConflictPolicy,
    /// How its value is converted.
    pub conversion: Conversion,
    /// How it is hidden from the warehouse.
    pub mask: Option<Mask>,
    /// The longest text the platform takes, in characters.
    pub max_chars: Option<u32>,
}

impl FieldMapping {
    /// Maps a field that is only read, as it is.
    pub fn reading(remote: impl Into<String>, local: impl Into<String>, kind: FieldKind) -> Self {
        Self {
            remote: remote.into(),
            local: local.into(),
            kind,
            direction: Direction::In,
            conflicts: ConflictPolicy::RemoteWins,
            conversion: Conversion::default(),
            mask: None,
            max_chars: None,
        }
    }

    /// Tells what our field holds, behind the conversion.
    pub fn column_kind(&self) -> ColumnKind {
        self.conversion.kind_behind(match self.kind {
            FieldKind::Text | FieldKind::Reference(_) => ColumnKind::Text,
            FieldKind::Bool => ColumnKind::Bool,
            FieldKind::Number => ColumnKind::Number,
            FieldKind::Date => ColumnKind::Date,
            FieldKind::DateTime => ColumnKind::Datetime,
        })
    }
}

/// What holds for an object as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectRules {
    /// The remote field that holds our id of a record that was made here.
    pub external_id: Option<String>,
    /// The remote field that names the record which a merge left in this one's place.
    pub merged_into: Option<String>,
    /// Which side wins what cannot be told apart by time.
    pub system_of_record: Side,
    /// What holds for deletions.
    pub deletes: DeleteRules,
    /// What a record must meet to be kept in step.
    pub filters: Vec<Filter>,
}

/// One remote object and its table.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectMapping {
    /// Its name over there.
    pub object: ObjectName,
    /// Our table.
    pub entity: Entity,
    /// Its fields.
    pub fields: Vec<FieldMapping>,
    /// What holds for it as a whole.
    pub rules: ObjectRules,
}

/// A remote field whose value does not fit its kind. The value itself is not repeated.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}` of `{object}` does not hold {wanted}")]
pub struct InvalidField {
    field: String,
    object: ObjectName,
    wanted: &'static str,
}

impl ObjectMapping {
    /// Maps an object that is only read.
    pub fn reading(object: ObjectName, entity: Entity, fields: Vec<FieldMapping>) -> Self {
        Self { object, entity, fields, rules: ObjectRules::default() }
    }

    /// Lists the remote names of all that is read: the mapped fields, and those that rules ask for.
    pub fn remote_fields(&self) -> Vec<String> {
        self.registers().map(|(name, _)| name.to_owned()).collect()
    }

    /// Lists what is kept of a record, each with what it holds.
    pub(crate) fn registers(&self) -> impl Iterator<Item = (&str, Cow<'_, FieldKind>)> {
        let mapped = self.fields.iter().map(|it| (it.remote.as_str(), Cow::Borrowed(&it.kind)));
        let is_mapped = |name: &str| self.field(name).is_some();
        let ObjectRules { external_id, merged_into, filters, .. } = &self.rules;
        let own_id = external_id.iter().map(|it| (it.as_str(), Cow::Owned(FieldKind::Text)));
        let survivor = merged_into
            .iter()
            .map(|it| (it.as_str(), Cow::Owned(FieldKind::Reference(self.object.clone()))));
        let filtered = filters.iter().map(|it| (it.field.as_str(), Cow::Owned(it.kind())));
        mapped.chain(own_id.chain(survivor).chain(filtered).filter(move |it| !is_mapped(it.0)))
    }

    /// Sums up what decides how a record becomes a row: when it changes, every record has to be read
    /// again.
    pub fn fingerprint(&self) -> String {
        let mut digest = Sha256::new();
        let mut line = |text: String| digest.update(format!("{}:{text};", text.len()));
        line(format!("{} {}", self.object, self.entity));
        for FieldMapping { remote, local, kind, conversion, .. } in &self.fields {
            line(format!("{remote} {local} {kind:?} {conversion:?}"));
        }
        let ObjectRules { external_id, merged_into, filters, deletes, .. } = &self.rules;
        line(format!("{external_id:?} {merged_into:?} {filters:?} {:?}", deletes.direction));
        hex(digest.finalize().get(..16).unwrap_or_default())
    }

    /// Returns the mapping of the remote field `name`.
    pub fn field(&self, name: &str) -> Option<&FieldMapping> {
        self.fields.iter().find(|it| it.remote == name)
    }

    /// Returns the mapping of our field `name`.
    pub fn local_field(&self, name: &str) -> Option<&FieldMapping> {
        self.fields.iter().find(|it| it.local == name)
    }

    /// Tells whether anything made here can leave.
    pub fn goes_out(&self) -> bool {
        self.fields.iter().any(|it| it.direction.goes_out())
            || self.rules.deletes.direction.goes_out()
    }

    /// Picks what is kept out of `fields`, in canonical form; other fields are left out.
    /// Names in another case are taken too: a platform may not tell `Subject` from `subject`.
    ///
    /// # Errors
    ///
    /// [`InvalidField`] when a value does not fit its kind.
    pub fn canonical(&self, fields: &Fields) -> Result<Fields, InvalidField> {
        let mut canonical = Fields::new();
        for (name, kind) in self.registers() {
            let in_other_case = || fields.iter().find(|it| it.0.eq_ignore_ascii_case(name));
            let value = fields.get(name).or_else(|| Some(in_other_case()?.1));
            let Some(value) = value else { continue };
            let value = kind.canonical(value).ok_or_else(|| self.invalid(name, kind.wanted()))?;
            canonical.insert(name.to_owned(), value);
        }
        Ok(canonical)
    }

    /// Turns canonical remote fields into a row of our table; a field that is absent is `Null`.
    ///
    /// # Errors
    ///
    /// [`InvalidField`] when a value cannot be converted.
    pub fn row(&self, connection: &ConnectionId, fields: &Fields) -> Result<Fields, InvalidField> {
        let column = |field: &FieldMapping| {
            let value = fields.get(&field.remote).unwrap_or(&FieldValue::Null);
            Ok((field.local.clone(), self.local_value(connection, field, value)?))
        };
        self.fields.iter().map(column).collect()
    }

    /// Turns one canonical remote value into that of our field.
    ///
    /// # Errors
    ///
    /// [`InvalidField`] when it cannot be converted.
    pub fn local_value(
        &self,
        connection: &ConnectionId,
        field: &FieldMapping,
        value: &FieldValue,
    ) -> Result<FieldValue, InvalidField> {
        match (&field.kind, value.as_text()) {
            (FieldKind::Reference(object), Some(id)) => Ok(RecordId::parse(id)
                .map(|id| EntityId::derive(connection, object, &id).into())
                .map_or(FieldValue::Null, FieldValue::Text)),
            _ if field.conversion.is_identity() => Ok(value.clone()),
            _ => field
                .conversion
                .to_local(value.clone())
                .map_err(|_| self.invalid(&field.remote, field.kind.wanted())),
        }
    }

    /// Tells whether a record with these canonical fields is one to be kept in step.
    pub fn takes(&self, fields: &Fields) -> bool {
        self.rules.filters.iter().all(|it| it.matches(fields))
    }

    /// Hides in a row what must not reach the warehouse.
    pub fn masked(&self, mut row: Fields, key: &Secret) -> Fields {
        for (name, mask) in self.fields.iter().filter_map(|it| Some((&it.local, it.mask?))) {
            if let Some(value) = row.get_mut(name) {
                *value = mask.hide(value, key);
            }
        }
        row
    }

    fn invalid(&self, field: &str, wanted: &'static str) -> InvalidField {
        InvalidField { field: field.to_owned(), object: self.object.clone(), wanted }
    }
}

/// Every mapped object of one platform.
#[derive(Clone, Debug, PartialEq)]
pub struct Mappings {
    platform: &'static str,
    by_object: BTreeMap<ObjectName, ObjectMapping>,
}

impl Mappings {
    /// Collects `mappings` of `platform`; of two for one object the last holds.
    pub fn new(platform: &'static str, mappings: impl IntoIterator<Item = ObjectMapping>) -> Self {
        let by_object = mappings.into_iter().map(|it| (it.object.clone(), it)).collect();
        Self { platform, by_object }
    }

    /// Returns the platform, such as `salesforce`.
    pub fn platform(&self) -> &'static str {
        self.platform
    }

    /// Returns the mapping of `object`, when it has one; its name may be in another case.
    pub fn get(&self, object: &ObjectName) -> Option<&ObjectMapping> {
        let is_same =
            |it: &&ObjectMapping| it.object.as_str().eq_ignore_ascii_case(object.as_str());
        self.by_object.get(object).or_else(|| self.by_object.values().find(is_same))
    }

    /// Returns the mapping that fills the table of `entity`.
    pub fn of(&self, entity: Entity) -> Option<&ObjectMapping> {
        self.by_object.values().find(|it| it.entity == entity)
    }

    /// Lists every mapping, parents before children.
    pub fn objects(&self) -> Vec<&ObjectMapping> {
        let mut objects: Vec<_> = self.by_object.values().collect();
        objects.sort_by_key(|it| it.entity);
        objects
    }
}

#[cfg(test)]
mod tests;
