//! An object and the list of all objects.

use std::collections::HashMap;
use std::sync::Arc;

use super::field::Field;

/// Places of the fields that every object begins with.
pub(crate) mod position {
    /// `Id`
    pub(crate) const ID: usize = 0;
    /// `IsDeleted`
    pub(crate) const IS_DELETED: usize = 1;
    /// `CreatedDate`
    pub(crate) const CREATED_DATE: usize = 2;
    /// `CreatedById`
    pub(crate) const CREATED_BY: usize = 3;
    /// `LastModifiedDate`
    pub(crate) const MODIFIED_DATE: usize = 4;
    /// `LastModifiedById`
    pub(crate) const MODIFIED_BY: usize = 5;
    /// `SystemModstamp`
    pub(crate) const MODSTAMP: usize = 6;
}

/// A list of rows that point to a row of an object.
#[derive(Clone, Debug)]
pub(crate) struct ChildRelationship {
    /// Name of the list, such as `Cases`.
    pub(crate) name: String,
    /// Object of the rows in it.
    pub(crate) object: String,
    /// Field that points here.
    pub(crate) field: String,
}

/// An object: its names and its fields.
#[derive(Clone, Debug)]
pub(crate) struct ObjectType {
    /// API name.
    pub(crate) name: String,
    /// Label of one.
    pub(crate) label: String,
    /// Label of many.
    pub(crate) plural: String,
    /// First three characters of its ids.
    pub(crate) prefix: [u8; 3],
    /// Fields, the audit fields first.
    pub(crate) fields: Vec<Field>,
    /// Lists of rows that point here.
    pub(crate) children: Vec<ChildRelationship>,
    by_name: HashMap<String, usize>,
    by_relationship: HashMap<String, usize>,
}

impl ObjectType {
    pub(super) fn new(name: &str, label: &str, plural: &str, prefix: [u8; 3]) -> Self {
        Self {
            name: name.to_owned(),
            label: label.to_owned(),
            plural: plural.to_owned(),
            prefix,
            fields: Vec::new(),
            children: Vec::new(),
            by_name: HashMap::new(),
            by_relationship: HashMap::new(),
        }
    }

    /// Adds a field behind the others.
    pub(super) fn add(&mut self, field: Field) {
        let position = self.fields.len();
        self.by_name.insert(field.name.to_ascii_lowercase(), position);
        if let Some(relationship) = &field.relationship {
            self.by_relationship.insert(relationship.to_ascii_lowercase(), position);
        }
        self.fields.push(field);
    }

    /// Finds a field that the API knows, whatever the case of the name.
    #[must_use]
    pub(crate) fn field(&self, name: &str) -> Option<(usize, &Field)> {
        let position = self.place(name)?;
        self.fields.get(position).filter(|field| field.is_visible()).map(|field| (position, field))
    }

    /// Returns the fields that the API knows, and their places.
    pub(crate) fn visible(&self) -> impl Iterator<Item = (usize, &Field)> {
        self.fields.iter().enumerate().filter(|(_, field)| field.is_visible())
    }

    /// Finds the reference that a relationship name follows.
    #[must_use]
    pub(crate) fn relationship(&self, name: &str) -> Option<(usize, &Field)> {
        let position = *self.by_relationship.get(&name.to_ascii_lowercase())?;
        self.fields.get(position).filter(|field| field.is_visible()).map(|field| (position, field))
    }

    /// Returns the place of a field that the org itself uses, whoever may see it.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// Forgets the name of a deleted field; its place stays.
    pub(super) fn forget(&mut self, position: usize) {
        self.by_name.retain(|_, known| *known != position);
        self.by_relationship.retain(|_, known| *known != position);
    }

    fn without_fields(&self) -> Self {
        Self::new(&self.name, &self.label, &self.plural, self.prefix)
    }

    /// Tells whether the API may write rows of this object.
    #[must_use]
    pub(crate) fn is_writable(&self) -> bool {
        !matches!(self.name.as_str(), "User" | "Organization")
    }
}

/// All objects of the org.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    objects: Vec<Arc<ObjectType>>,
}

impl Schema {
    pub(super) fn new(mut objects: Vec<ObjectType>) -> Self {
        for object in &mut objects {
            object.children.clear();
        }
        let links: Vec<(String, ChildRelationship)> = objects
            .iter()
            .flat_map(|object| object.visible().map(move |(_, field)| (object, field)))
            .filter_map(|(object, field)| {
                let name = field.children.clone()?;
                let to = field.reference_to.last()?.clone();
                let child = ChildRelationship {
                    name,
                    object: object.name.clone(),
                    field: field.name.clone(),
                };
                Some((to, child))
            })
            .collect();
        for (to, child) in links {
            if let Some(object) = objects.iter_mut().find(|object| object.name == to) {
                object.children.push(child);
            }
        }
        Self { objects: objects.into_iter().map(Arc::new).collect() }
    }

    /// Returns this schema with `object` in the place of the one with its name.
    #[must_use]
    pub(crate) fn with(&self, object: &ObjectType) -> Self {
        let objects = self
            .objects
            .iter()
            .map(|old| ObjectType::clone(if old.name == object.name { object } else { old }));
        Self::new(objects.collect())
    }

    /// Returns this schema without the fields that hold the ids of other systems.
    #[must_use]
    pub(crate) fn without_external_ids(&self) -> Self {
        let objects = self.objects.iter().map(|object| {
            let kept = object.fields.iter().filter(|field| !field.external_id);
            kept.fold(object.without_fields(), |mut object, field| {
                object.add(field.clone());
                object
            })
        });
        Self::new(objects.collect())
    }

    /// Returns the objects in the order of the schema file.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Arc<ObjectType>> {
        self.objects.iter()
    }

    /// Finds an object, whatever the case of the name.
    #[must_use]
    pub(crate) fn object(&self, name: &str) -> Option<&Arc<ObjectType>> {
        self.objects.iter().find(|object| object.name.eq_ignore_ascii_case(name))
    }

    /// Finds the object whose ids begin with this prefix.
    #[must_use]
    pub(crate) fn by_prefix(&self, prefix: [u8; 3]) -> Option<&Arc<ObjectType>> {
        self.objects.iter().find(|object| object.prefix == prefix)
    }

    /// Finds the object that a reference leads to in a query; of several, the last one named.
    #[must_use]
    pub(crate) fn target(&self, field: &Field) -> Option<&Arc<ObjectType>> {
        self.object(field.reference_to.last()?)
    }
}
