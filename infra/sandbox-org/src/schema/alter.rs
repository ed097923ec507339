//! Changes of the schema while the org runs: fields come, go and are defined anew.

use serde::{Deserialize, Serialize};

use super::field::{Access, Field, FieldKind};
use super::object::ObjectType;

/// Longest name of a custom field without its `__c`. Source: Metadata API guide, `CustomField`.
const MAX_NAME: usize = 40;

/// A change of the schema.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Alteration {
    /// A new custom field.
    Add(NewField),
    /// A custom field goes, with its values.
    Remove {
        /// Object.
        object: String,
        /// Field.
        field: String,
    },
    /// A field is defined anew.
    Change(ChangedField),
}

impl Alteration {
    /// Returns the object it is about.
    #[must_use]
    pub(crate) fn object(&self) -> &str {
        match self {
            Self::Add(NewField { object, .. })
            | Self::Remove { object, .. }
            | Self::Change(ChangedField { object, .. }) => object,
        }
    }
}

/// A custom field to be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct NewField {
    /// Object.
    pub(crate) object: String,
    /// Name, with its `__c`.
    pub(crate) name: String,
    /// What it holds, in the words of describe: `string`, `picklist`, `reference`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Longest text, in characters.
    #[serde(default)]
    pub(crate) length: usize,
    /// Label; follows from the name when absent.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// Whether it must have a value.
    #[serde(default)]
    pub(crate) required: bool,
    /// Whether it identifies rows of another system.
    #[serde(default)]
    pub(crate) external_id: bool,
    /// Whether no two rows may share a value.
    #[serde(default)]
    pub(crate) unique: bool,
    /// Words of a picklist.
    #[serde(default)]
    pub(crate) values: Vec<String>,
    /// Whether other words are refused.
    #[serde(default)]
    pub(crate) restricted: bool,
    /// Object that a reference points to.
    #[serde(default)]
    pub(crate) reference_to: Vec<String>,
    /// What the integration user may do with it.
    #[serde(default)]
    pub(crate) access: Access,
}

/// What of a field changes; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ChangedField {
    /// Object.
    pub(crate) object: String,
    /// Field.
    pub(crate) field: String,
    /// What it holds from now on.
    #[serde(default, rename = "type")]
    pub(crate) kind: Option<String>,
    /// Longest text from now on; longer ones are cut.
    #[serde(default)]
    pub(crate) length: Option<usize>,
    /// Label.
    #[serde(default)]
    pub(crate) label: Option<String>,
    /// Words of the picklist from now on; rows keep what they have.
    #[serde(default)]
    pub(crate) values: Option<Vec<String>>,
    /// Whether other words are refused.
    #[serde(default)]
    pub(crate) restricted: Option<bool>,
    /// Whether it must have a value.
    #[serde(default)]
    pub(crate) required: Option<bool>,
    /// Whether it identifies rows of another system.
    #[serde(default)]
    pub(crate) external_id: Option<bool>,
    /// Whether no two rows may share a value.
    #[serde(default)]
    pub(crate) unique: Option<bool>,
    /// What the integration user may do with it.
    #[serde(default)]
    pub(crate) access: Option<Access>,
}

/// Why the schema was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AlterError {
    /// There is no such object.
    #[error("object `{object}` is not part of the schema")]
    UnknownObject {
        /// The object.
        object: String,
    },
    /// There is no such field.
    #[error("field `{field}` is not part of `{object}`")]
    UnknownField {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// There is such a field already.
    #[error("There is already a field named {field} on {object}.")]
    Taken {
        /// The object.
        object: String,
        /// The field, without its `__c`.
        field: String,
    },
    /// The name is not one of a custom field.
    #[error(
        "`{name}` is no name of a custom field: letters, digits, single underscores, then `__c`"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The type is none, or one that needs more than it was given.
    #[error("field `{field}` cannot have the type `{kind}`")]
    Kind {
        /// The field.
        field: String,
        /// The type.
        kind: String,
    },
    /// The field belongs to the platform.
    #[error("field `{field}` is a standard field")]
    Standard {
        /// The field.
        field: String,
    },
}

/// What a change of the schema means for the rows of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Altered {
    /// Place of the field.
    pub(crate) place: usize,
    /// Whether its values are gone.
    pub(crate) is_emptied: bool,
    /// Whether its values must be read again as the new type, or cut.
    pub(crate) is_recast: bool,
}

impl ObjectType {
    /// Changes the object's fields.
    ///
    /// # Errors
    /// The field is not there, there already, or cannot be so; nothing has changed then.
    pub(crate) fn alter(&mut self, alteration: &Alteration) -> Result<Altered, AlterError> {
        match alteration {
            Alteration::Add(new) => self.add_custom(new),
            Alteration::Remove { field, .. } => self.remove_custom(field),
            Alteration::Change(change) => self.change(change),
        }
    }

    fn add_custom(&mut self, new: &NewField) -> Result<Altered, AlterError> {
        let stem = new.name.strip_suffix("__c").filter(|stem| is_developer_name(stem));
        let stem = stem.ok_or_else(|| AlterError::Name { name: new.name.clone() })?;
        if self.place(&new.name).is_some() {
            let (object, field) = (self.name.clone(), stem.to_owned());
            return Err(AlterError::Taken { object, field });
        }
        let kind = kind(&new.name, &new.kind)?;
        let (is_text, is_reference) = (takes_length(kind), kind == FieldKind::Reference);
        if (is_text && new.length == 0) || (is_reference && new.reference_to.is_empty()) {
            return Err(AlterError::Kind { field: new.name.clone(), kind: new.kind.clone() });
        }
        let place = self.fields.len();
        self.add(Field {
            name: new.name.clone(),
            kind,
            length: if is_text { new.length } else { standard_length(kind) },
            createable: true,
            updateable: true,
            nillable: !new.required,
            external_id: new.external_id,
            unique: new.unique,
            id_lookup: new.external_id,
            auto_number: false,
            defaulted: false,
            filterable: kind != FieldKind::TextArea || new.length <= 255,
            name_field: false,
            default: None,
            values: new.values.clone(),
            reference_to: new.reference_to.clone(),
            relationship: is_reference.then(|| format!("{stem}__r")),
            children: None,
            part_of: None,
            restricted: new.restricted,
            given_label: new.label.clone(),
            access: new.access,
            is_gone: false,
        });
        Ok(Altered { place, is_emptied: false, is_recast: false })
    }

    /// Finds the field that is to change.
    fn known(&mut self, name: &str) -> Result<(usize, &mut Field), AlterError> {
        let (object, place) = (self.name.clone(), self.place(name));
        place
            .and_then(|place| Some((place, self.fields.get_mut(place)?)))
            .ok_or_else(|| AlterError::UnknownField { object, field: name.to_owned() })
    }

    fn remove_custom(&mut self, name: &str) -> Result<Altered, AlterError> {
        let (place, field) = self.known(name)?;
        if !field.is_custom() {
            return Err(AlterError::Standard { field: field.name.clone() });
        }
        field.is_gone = true;
        field.unique = false;
        field.external_id = false;
        self.forget(place);
        Ok(Altered { place, is_emptied: true, is_recast: false })
    }

    fn change(&mut self, change: &ChangedField) -> Result<Altered, AlterError> {
        let (place, field) = self.known(&change.field)?;
        let kind = change.kind.as_deref().map(|name| kind(&change.field, name)).transpose()?;
        if kind.is_some() && !field.is_custom() {
            return Err(AlterError::Standard { field: field.name.clone() });
        }
        let is_recast = kind.is_some_and(|kind| kind != field.kind)
            || change.length.is_some_and(|length| length < field.length);
        field.kind = kind.unwrap_or(field.kind);
        if let Some(kind) = kind.filter(|kind| !takes_length(*kind)) {
            field.length = standard_length(kind);
        }
        field.length = change.length.unwrap_or(field.length);
        field.nillable = change.required.map_or(field.nillable, |required| !required);
        field.restricted = change.restricted.unwrap_or(field.restricted);
        field.unique = change.unique.unwrap_or(field.unique);
        field.external_id = change.external_id.unwrap_or(field.external_id);
        field.access = change.access.unwrap_or(field.access);
        if let Some(values) = &change.values {
            field.values.clone_from(values);
        }
        if change.label.is_some() {
            field.given_label.clone_from(&change.label);
        }
        Ok(Altered { place, is_emptied: false, is_recast })
    }
}

fn kind(field: &str, name: &str) -> Result<FieldKind, AlterError> {
    FieldKind::named(name)
        .filter(|kind| !matches!(kind, FieldKind::Id | FieldKind::Address))
        .ok_or_else(|| AlterError::Kind { field: field.to_owned(), kind: name.to_owned() })
}

/// Tells whether a new field of this kind says how long its texts may be.
fn takes_length(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Text | FieldKind::TextArea)
}

/// Longest text of kinds that do not say. Source: Object reference, "Field types".
fn standard_length(kind: FieldKind) -> usize {
    match kind {
        FieldKind::Email => 80,
        FieldKind::Phone => 40,
        FieldKind::Url | FieldKind::Picklist => 255,
        _ => 0,
    }
}

fn is_developer_name(stem: &str) -> bool {
    stem.len() <= MAX_NAME
        && stem.starts_with(|ch: char| ch.is_ascii_alphabetic())
        && !stem.ends_with('_')
        && !stem.contains("__")
        && stem.chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '_')
}
