//! What of a row may reach the lake.

use std::collections::{BTreeMap, BTreeSet};

use super::schema::ColumnType;
use super::table::kind_of;
use crate::model::{Entity, FieldValue, Fields};
use crate::secret::Secret;
use crate::sync::{CUSTOM_PREFIX, Mappings, Mask};

/// Masks of fields, whatever connection a row came by.
///
/// Where two mappings mask one field differently, the one that leaves less holds. Custom fields that
/// no mapping names are left out: nobody has said whether they may be seen.
#[derive(Clone, Debug, Default)]
pub struct Hiding {
    masks: BTreeMap<(Entity, String), Mask>,
    custom: BTreeSet<(Entity, String)>,
    key: Option<Secret>,
}

/// A mask that needs a key, and there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "field `{field}` of `{entity}` is masked by `hash`, and there is no key: name a secret as `lake.mask_key`"
)]
pub struct NoMaskKey {
    field: String,
    entity: Entity,
}

impl Hiding {
    /// Collects the masks of `mappings`; `key` is that of the mask `hash`.
    ///
    /// # Errors
    ///
    /// [`NoMaskKey`] when a field is masked by `hash` and there is no key, or an empty one.
    pub fn new<'a>(
        mappings: impl IntoIterator<Item = &'a Mappings>,
        key: Option<Secret>,
    ) -> Result<Self, NoMaskKey> {
        let key = key.filter(|it| !it.expose().is_empty());
        let mut hiding = Self { key, ..Self::default() };
        for mapping in mappings.into_iter().flat_map(Mappings::objects) {
            for field in &mapping.fields {
                let named = (mapping.entity, field.local.clone());
                if field.local.starts_with(CUSTOM_PREFIX) {
                    hiding.custom.insert(named.clone());
                }
                let Some(mask) = field.mask else { continue };
                if mask == Mask::Hash && hiding.key.is_none() {
                    return Err(NoMaskKey { field: named.1, entity: mapping.entity });
                }
                let held = hiding.masks.entry(named).or_insert(mask);
                *held = stricter(*held, mask);
            }
        }
        Ok(hiding)
    }

    /// Tells whether the lake shows a field of this name, masked or not. Changes tell of other things,
    /// too: whom a wall screens from a case, documents, imports.
    pub fn shows(&self, entity: Entity, name: &str) -> bool {
        entity.columns().contains(&name) || self.custom.contains(&(entity, name.to_owned()))
    }

    /// Hides in a row of `entity` what must not be seen.
    #[must_use]
    pub fn hide(&self, entity: Entity, mut row: Fields) -> Fields {
        row.retain(|name, value| {
            if let Some(mask) = self.masks.get(&(entity, name.as_str().to_owned())) {
                *value = self.hidden(name, *mask, value);
            }
            self.shows(entity, name)
        });
        row
    }

    /// Hides one value so that it still fits its column: of an instant its year is left as the first
    /// instant of it, or nothing.
    fn hidden(&self, name: &str, mask: Mask, value: &FieldValue) -> FieldValue {
        let no_key = Secret::new("");
        let hidden = match (mask, &self.key) {
            // Never without a key: it was refused above.
            (Mask::Hash, None) => FieldValue::Null,
            (_, key) => mask.hide(value, key.as_ref().unwrap_or(&no_key)),
        };
        match (kind_of(name), mask, hidden) {
            (ColumnType::Instant, Mask::Year, FieldValue::Text(year)) => {
                FieldValue::Text(format!("{year}-01-01T00:00:00.000Z"))
            }
            (ColumnType::Instant | ColumnType::Bool, _, _) => FieldValue::Null,
            (_, _, hidden) => hidden,
        }
    }
}

/// Returns the one of two masks that leaves less; of two that leave different parts, `redact`.
fn stricter(one: Mask, other: Mask) -> Mask {
    match (one, other) {
        _ if one == other => one,
        (Mask::Null, _) | (_, Mask::Null) => Mask::Null,
        _ => Mask::Redact,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ObjectName;
    use crate::sync::{FieldKind, FieldMapping, ObjectMapping};

    fn mappings(entity: Entity, fields: &[(&str, Option<Mask>)]) -> Mappings {
        let field = |(local, mask): &(&str, Option<Mask>)| FieldMapping {
            mask: *mask,
            ..FieldMapping::reading("X__c", *local, FieldKind::Text)
        };
        let fields = fields.iter().map(field).collect();
        let object = ObjectName::parse("X").unwrap();
        Mappings::new("salesforce", [ObjectMapping::reading(object, entity, fields)])
    }

    fn row(fields: &[(&str, &str)]) -> Fields {
        fields.iter().map(|(name, value)| ((*name).to_owned(), FieldValue::text(value))).collect()
    }

    #[test]
    fn masked_values_still_fit_their_columns() {
        let masks = mappings(
            Entity::Case,
            &[
                ("title", Some(Mask::Redact)),
                ("opened_at", Some(Mask::Year)),
                ("closed_at", Some(Mask::Last4)),
                ("is_closed", Some(Mask::Redact)),
            ],
        );
        let hiding = Hiding::new([&masks], None).unwrap();
        let at = "2024-05-06T07:08:09.000Z";
        let fields = [("title", "Doe"), ("opened_at", at), ("closed_at", at), ("court", "North")];
        let mut given = row(&fields);
        given.insert("is_closed".to_owned(), FieldValue::Bool(true));
        let hidden = hiding.hide(Entity::Case, given);

        let wanted = [
            ("title", FieldValue::text("redacted")),
            ("opened_at", FieldValue::text("2024-01-01T00:00:00.000Z")),
            ("closed_at", FieldValue::Null),
            ("is_closed", FieldValue::Null),
            ("court", FieldValue::text("North")),
        ];
        for (name, value) in wanted {
            assert_eq!(hidden.get(name), Some(&value), "{name}");
        }
    }

    #[test]
    fn custom_field_that_no_mapping_names_is_left_out() {
        let masks = mappings(Entity::Contact, &[("custom.shoe", None), ("email", None)]);
        let hiding = Hiding::new([&masks], None).unwrap();
        let given = [("custom.shoe", "43"), ("custom.ssn", "123"), ("email", "a@b.example")];
        let hidden = hiding.hide(Entity::Contact, row(&given));
        assert_eq!(hidden, row(&[("custom.shoe", "43"), ("email", "a@b.example")]));
    }

    #[test]
    fn of_two_masks_the_stricter_holds() {
        let one = mappings(Entity::Contact, &[("email", Some(Mask::Domain)), ("phone", None)]);
        let other =
            mappings(Entity::Contact, &[("email", Some(Mask::Last4)), ("phone", Some(Mask::Null))]);
        for pair in [[&one, &other], [&other, &one]] {
            let hiding = Hiding::new(pair, None).unwrap();
            let hidden =
                hiding.hide(Entity::Contact, row(&[("email", "a@b.example"), ("phone", "123456")]));
            assert_eq!(hidden["email"], FieldValue::text("redacted"));
            assert_eq!(hidden["phone"], FieldValue::Null);
        }
    }

    #[test]
    fn hash_without_a_key_is_refused() {
        let masks = mappings(Entity::Contact, &[("email", Some(Mask::Hash))]);
        for key in [None, Some(Secret::new(""))] {
            let error = Hiding::new([&masks], key).unwrap_err();
            assert!(error.to_string().contains("`email` of `contact` is masked by `hash`"));
        }
        let hiding = Hiding::new([&masks], Some(Secret::new("k"))).unwrap();
        let hidden = hiding.hide(Entity::Contact, row(&[("email", "a@b.example")]));
        assert_eq!(hidden["email"].as_text().map(str::len), Some(32));
    }
}
