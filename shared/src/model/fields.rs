//! The fields of a record by name, which records of one page share.
//!
//! A bulk job reads records of many fields by the million. With names of its own each would copy
//! thirty texts; so a record has a list of names, in order, that others may have too, and its values.

use std::fmt;
use std::ops::Index;
use std::slice;
use std::sync::Arc;
use std::vec;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::field::FieldValue;
use super::field_name::FieldName;

/// Names in order, each once, to be shared by many records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames(Arc<Vec<FieldName>>);

impl FieldNames {
    /// Returns the names in order.
    pub fn iter(&self) -> slice::Iter<'_, FieldName> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a FieldNames {
    type Item = &'a FieldName;
    type IntoIter = slice::Iter<'a, FieldName>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<N: Into<FieldName>> FromIterator<N> for FieldNames {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        let mut names: Vec<FieldName> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        Self(Arc::new(names))
    }
}

/// The fields of a record by name, in the order of the names: a map as in `std`, whose names may be
/// shared with other records.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// As many as there are values.
    names: FieldNames,
    values: Vec<FieldValue>,
}

impl Fields {
    /// Makes an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives each of `names` its value, in their order; `Null` where values are fewer.
    pub fn of(names: &FieldNames, mut values: Vec<FieldValue>) -> Self {
        values.resize_with(names.0.len(), FieldValue::default);
        Self { names: names.clone(), values }
    }

    /// Returns how many fields there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the value of a field; `None` when it is not there.
    pub fn get<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> Option<&FieldValue> {
        self.place(name.as_ref()).ok().and_then(|at| self.values.get(at))
    }

    /// Returns the value of a field, to be changed.
    pub fn get_mut<Q: AsRef<str> + ?Sized>(&mut self, name: &Q) -> Option<&mut FieldValue> {
        self.place(name.as_ref()).ok().and_then(|at| self.values.get_mut(at))
    }

    /// Tells whether a field is there, with a value or without.
    pub fn contains_key<Q: AsRef<str> + ?Sized>(&self, name: &Q) -> bool {
        self.place(name.as_ref()).is_ok()
    }

    /// Sets a field; returns what it was.
    pub fn insert(&mut self, name: impl Into<FieldName>, value: FieldValue) -> Option<FieldValue> {
        let name = name.into();
        match self.place(&name) {
            Ok(at) => self.values.get_mut(at).map(|it| std::mem::replace(it, value)),
            Err(at) => {
                Arc::make_mut(&mut self.names.0).insert(at, name);
                self.values.insert(at, value);
                None
            }
        }
    }

    /// Adds a field without a value, unless it is there.
    pub fn insert_missing(&mut self, name: impl Into<FieldName>) {
        let name = name.into();
        if !self.contains_key(&name) {
            self.insert(name, FieldValue::Null);
        }
    }

    /// Takes a field out; returns what it was.
    pub fn remove<Q: AsRef<str> + ?Sized>(&mut self, name: &Q) -> Option<FieldValue> {
        let at = self.place(name.as_ref()).ok()?;
        Arc::make_mut(&mut self.names.0).remove(at);
        Some(self.values.remove(at))
    }

    /// Takes all fields out.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Keeps the fields that `keeps` says.
    pub fn retain(&mut self, mut keeps: impl FnMut(&FieldName, &mut FieldValue) -> bool) {
        let fields = std::mem::take(self).into_iter();
        *self = fields
            .filter_map(|(name, mut it)| keeps(&name, &mut it).then_some((name, it)))
            .collect();
    }

    /// Returns names and values in the order of the names.
    pub fn iter(&self) -> FieldsIter<'_> {
        self.names.iter().zip(&self.values)
    }

    /// Returns the names in order.
    pub fn keys(&self) -> slice::Iter<'_, FieldName> {
        self.names.iter()
    }

    /// Returns the values in the order of their names.
    pub fn values(&self) -> slice::Iter<'_, FieldValue> {
        self.values.iter()
    }

    /// Goes through the values in the order of their names, to change them.
    pub fn values_mut(&mut self) -> slice::IterMut<'_, FieldValue> {
        self.values.iter_mut()
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        // Most maps are made in order: the last name is looked at first.
        match self.names.0.last() {
            Some(last) if last.as_str() < name => Err(self.names.0.len()),
            _ => self.names.0.binary_search_by(|it| it.as_str().cmp(name)),
        }
    }
}

/// Names and values in the order of the names.
pub type FieldsIter<'a> = std::iter::Zip<slice::Iter<'a, FieldName>, slice::Iter<'a, FieldValue>>;

/// Names and values in the order of the names, taken out of their map.
pub type FieldsIntoIter = std::iter::Zip<vec::IntoIter<FieldName>, vec::IntoIter<FieldValue>>;

impl<'a> IntoIterator for &'a Fields {
    type Item = (&'a FieldName, &'a FieldValue);
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

impl IntoIterator for Fields {
    type Item = (FieldName, FieldValue);
    type IntoIter = FieldsIntoIter;

    fn into_iter(self) -> FieldsIntoIter {
        Arc::unwrap_or_clone(self.names.0).into_iter().zip(self.values)
    }
}

impl<N: Into<FieldName>> Extend<(N, FieldValue)> for Fields {
    fn extend<I: IntoIterator<Item = (N, FieldValue)>>(&mut self, fields: I) {
        for (name, value) in fields {
            self.insert(name, value);
        }
    }
}

impl<N: Into<FieldName>> FromIterator<(N, FieldValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, FieldValue)>>(fields: I) -> Self {
        let mut made = Self::new();
        made.extend(fields);
        made
    }
}

impl<N: Into<FieldName>, const LEN: usize> From<[(N, FieldValue); LEN]> for Fields {
    fn from(fields: [(N, FieldValue); LEN]) -> Self {
        fields.into_iter().collect()
    }
}

impl<Q: AsRef<str> + ?Sized> Index<&Q> for Fields {
    type Output = FieldValue;

    /// Returns the value of a field.
    ///
    /// # Panics
    ///
    /// When it is not there, as with a map in `std`: for tests, which know what they put in.
    #[expect(clippy::expect_used, reason = "an index cannot answer otherwise")]
    fn index(&self, name: &Q) -> &FieldValue {
        self.get(name).expect("no such field")
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::new();
                while let Some((name, value)) = map.next_entry::<FieldName, FieldValue>()? {
                    fields.insert(name, value);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn records_that_share_names_change_apart() {
        let names: FieldNames = ["b", "a", "b"].into_iter().collect();
        let first = Fields::of(&names, vec![FieldValue::Int(1), FieldValue::Int(2)]);
        let mut second = Fields::of(&names, vec![FieldValue::Int(1)]);
        assert_eq!((&first["a"], &second["b"]), (&FieldValue::Int(1), &FieldValue::Null));

        second.insert("aa", FieldValue::Bool(true));
        second.remove("b");

        assert_eq!(first.keys().map(FieldName::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(second.keys().map(FieldName::as_str).collect::<Vec<_>>(), ["a", "aa"]);
    }

    proptest! {
        #[test]
        fn fields_are_what_a_map_of_std_is(
            steps in prop::collection::vec(("[a-e]{0,2}", any::<i64>(), 0..4_u8), 0..60)
        ) {
            let (mut fields, mut map) = (Fields::new(), BTreeMap::new());
            for (name, number, step) in steps {
                let value = FieldValue::Int(number);
                match step {
                    0 => prop_assert_eq!(fields.remove(&name), map.remove(&name)),
                    1 => {
                        fields.insert_missing(name.as_str());
                        map.entry(name).or_insert(FieldValue::Null);
                    }
                    _ => prop_assert_eq!(fields.insert(name.clone(), value.clone()), map.insert(name, value)),
                }
                prop_assert!(fields.iter().map(|(name, it)| (name.as_str(), it))
                    .eq(map.iter().map(|(name, it)| (name.as_str(), it))));
            }
            let json = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&serde_json::to_string(&fields).unwrap(), &json);
            prop_assert_eq!(serde_json::from_str::<Fields>(&json).unwrap(), fields.clone());
            fields.retain(|name, _| name.len() < 2);
            map.retain(|name, _| name.len() < 2);
            prop_assert_eq!(format!("{fields:?}"), format!("{map:?}"));
        }
    }
}
