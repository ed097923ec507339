//! Says what describe told in words that hold for every platform.

use shared::ids::ObjectName;
use shared::sync::{RemoteField, RemoteKind, RemoteObject};

use super::describe::ObjectDescribe;
use super::field::{FieldDescribe, FieldType};

impl ObjectDescribe {
    /// Returns the object in platform-neutral words. Fields that are hidden are left out.
    pub fn to_remote(&self) -> RemoteObject {
        let shown = self.fields.iter().filter(|it| !it.deprecated_and_hidden);
        RemoteObject {
            name: self.name().clone(),
            label: self.summary.label.clone(),
            fields: shown.map(FieldDescribe::to_remote).collect(),
        }
    }
}

impl FieldDescribe {
    /// Returns the field in platform-neutral words.
    pub fn to_remote(&self) -> RemoteField {
        RemoteField {
            name: self.name.clone(),
            label: self.label.clone(),
            kind: self.remote_kind(),
            is_nullable: self.nillable,
            can_create: self.createable,
            can_update: self.updateable,
            is_calculated: self.calculated,
            is_external_id: self.external_id,
            is_unique: self.unique,
            is_required_on_create: self.is_required_on_create(),
        }
    }

    fn remote_kind(&self) -> RemoteKind {
        let length = self.length;
        let (precision, scale) = (self.precision, self.scale);
        match &self.field_type {
            FieldType::Id => RemoteKind::Id,
            FieldType::TextArea if self.is_long_text() => RemoteKind::LongText { length },
            FieldType::String | FieldType::TextArea => RemoteKind::Text { length },
            FieldType::Email => RemoteKind::Email { length },
            FieldType::Phone => RemoteKind::Phone { length },
            FieldType::Url => RemoteKind::Url { length },
            FieldType::EncryptedString => RemoteKind::Encrypted { length },
            FieldType::Picklist => RemoteKind::Picklist {
                values: self.active_values(),
                is_restricted: self.restricted_picklist,
            },
            FieldType::ComboBox => {
                RemoteKind::Picklist { values: self.active_values(), is_restricted: false }
            }
            FieldType::MultiPicklist => RemoteKind::MultiPicklist {
                values: self.active_values(),
                is_restricted: self.restricted_picklist,
            },
            FieldType::Boolean => RemoteKind::Bool,
            FieldType::Date => RemoteKind::Date,
            FieldType::DateTime => RemoteKind::DateTime,
            FieldType::Time => RemoteKind::Time,
            FieldType::Int | FieldType::Long => RemoteKind::Int,
            FieldType::Double => RemoteKind::Decimal { precision, scale },
            FieldType::Currency => RemoteKind::Currency { precision, scale },
            FieldType::Percent => RemoteKind::Percent { precision, scale },
            FieldType::Reference => {
                let names = self.reference_to.iter();
                let to = names.filter_map(|it| ObjectName::parse(it).ok()).collect();
                RemoteKind::Reference { to, is_polymorphic: self.is_polymorphic() }
            }
            FieldType::Address | FieldType::Location => RemoteKind::Compound,
            FieldType::Base64 => RemoteKind::Binary,
            FieldType::Other(name) => RemoteKind::Other { name: name.clone() },
        }
    }

    /// Lists the words that can still be chosen, in their order.
    fn active_values(&self) -> Vec<String> {
        let active = self.picklist_values.iter().filter(|it| it.active);
        active.map(|it| it.value.clone()).collect()
    }
}
