//! Finds what the names of one query mean.

use shared::config::nearest_in_any_case;

use super::super::name::FieldPath;
use super::super::query::Source;
use super::fault::{NameFault, NameFaultKind};
use crate::schema::{DescribeSet, FieldDescribe, FieldType, ObjectDescribe};

/// The fields that every record has which a reference to several objects may lead to.
/// Source: object reference, "Name".
const NAME_FIELDS: &[&str] = &[
    "Alias",
    "Email",
    "FirstName",
    "Id",
    "IsActive",
    "LastName",
    "MiddleName",
    "Name",
    "NameOrAlias",
    "Phone",
    "ProfileId",
    "RecordTypeId",
    "Suffix",
    "Title",
    "Type",
    "UserRoleId",
    "Username",
];

/// The object that a reference to several objects stands for.
pub(super) const NAME_OBJECT: &str = "Name";

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found<'a> {
    /// A field of a described object.
    Field(&'a ObjectDescribe, &'a FieldDescribe),
    /// A field that is there whichever object the reference leads to.
    OfAnyObject,
}

/// Where the names of a query are looked up.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    describes: &'a DescribeSet,
    pub(super) object: &'a ObjectDescribe,
    /// Short names and the objects they stand for.
    aliases: Vec<(String, &'a ObjectDescribe)>,
}

/// An object on the way of a path.
#[derive(Clone, Copy)]
enum Here<'a> {
    Object(&'a ObjectDescribe),
    AnyObject,
}

impl<'a> Scope<'a> {
    /// Opens a scope on `object`, which FROM means; an unknown short name is a fault.
    pub(super) fn open(
        describes: &'a DescribeSet,
        object: &'a ObjectDescribe,
        source: &Source,
        faults: &mut Vec<NameFault>,
    ) -> Self {
        let mut scope = Self { describes, object, aliases: Vec::new() };
        if let Some(alias) = &source.alias {
            scope.aliases.push((alias.to_string(), object));
        }
        for (path, alias) in &source.joined {
            match scope.parent(path) {
                Ok(Here::Object(parent)) => scope.aliases.push((alias.to_string(), parent)),
                Ok(Here::AnyObject) => {}
                Err(fault) => faults.push(fault),
            }
        }
        scope
    }

    /// Finds the field that `path` means.
    pub(super) fn field(&self, path: &FieldPath) -> Result<Found<'a>, NameFault> {
        let (mut here, parts) = self.begin(path);
        let (last, parents) = match parts.split_last() {
            Some((last, parents)) => (*last, parents),
            None => return Ok(Found::OfAnyObject),
        };
        for part in parents {
            here = self.step(path, here, part)?;
        }
        match here {
            Here::Object(object) => match object.field(last) {
                Some(field) => Ok(Found::Field(object, field)),
                None => {
                    let names = object.fields.iter().map(|it| it.name.as_str());
                    Err(unknown(path, object, NameFaultKind::UnknownField, last, names))
                }
            },
            Here::AnyObject if NAME_FIELDS.iter().any(|it| it.eq_ignore_ascii_case(last)) => {
                Ok(Found::OfAnyObject)
            }
            Here::AnyObject => Err(NameFault {
                name: path.to_string(),
                object: NAME_OBJECT.to_owned(),
                kind: NameFaultKind::UnknownField,
                nearest: closest(last, NAME_FIELDS.iter().copied()),
            }),
        }
    }

    /// Finds the reference that TYPEOF parts by the object it leads to.
    pub(super) fn reference(&self, path: &FieldPath) -> Result<&'a FieldDescribe, NameFault> {
        let (mut here, parts) = self.begin(path);
        let mut found = None;
        for part in parts {
            found = match here {
                Here::Object(object) => object.relationship(part),
                Here::AnyObject => None,
            };
            here = self.step(path, here, part)?;
        }
        found.ok_or_else(|| NameFault {
            name: path.to_string(),
            object: self.object.name().to_string(),
            kind: NameFaultKind::UnknownRelationship,
            nearest: None,
        })
    }

    fn parent(&self, path: &FieldPath) -> Result<Here<'a>, NameFault> {
        let (here, parts) = self.begin(path);
        parts.iter().try_fold(here, |here, part| self.step(path, here, part))
    }

    /// Splits off a short name, or the object's own, in front of a path.
    fn begin<'p>(&self, path: &'p FieldPath) -> (Here<'a>, Vec<&'p str>) {
        let mut parts: Vec<&str> = path.segments().collect();
        let Some(first) = parts.first().copied().filter(|_| parts.len() > 1) else {
            return (Here::Object(self.object), parts);
        };
        let alias = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(first));
        let is_own_name = self.object.name().as_str().eq_ignore_ascii_case(first)
            && self.object.relationship(first).is_none();
        let object = match alias {
            Some((_, object)) => object,
            None if is_own_name => self.object,
            None => return (Here::Object(self.object), parts),
        };
        parts.remove(0);
        (Here::Object(object), parts)
    }

    fn step(&self, path: &FieldPath, here: Here<'a>, part: &str) -> Result<Here<'a>, NameFault> {
        let object = match here {
            Here::Object(object) => object,
            // A user's role and profile are reached even where the owner may be a queue.
            Here::AnyObject => match part.to_ascii_lowercase().as_str() {
                "profile" => return self.described(path, "Profile"),
                "userrole" => return self.described(path, "UserRole"),
                _ => {
                    return Err(NameFault {
                        name: path.to_string(),
                        object: NAME_OBJECT.to_owned(),
                        kind: NameFaultKind::UnknownRelationship,
                        nearest: None,
                    });
                }
            },
        };
        let Some(reference) = object.relationship(part) else {
            let names = object.fields.iter().filter_map(|it| it.relationship_name.as_deref());
            return Err(unknown(path, object, NameFaultKind::UnknownRelationship, part, names));
        };
        match reference.reference_to.as_slice() {
            [target] => self.described(path, target),
            _ => Ok(Here::AnyObject),
        }
    }

    fn described(&self, path: &FieldPath, name: &str) -> Result<Here<'a>, NameFault> {
        self.describes.get(name).map(Here::Object).ok_or_else(|| NameFault {
            name: path.to_string(),
            object: name.to_owned(),
            kind: NameFaultKind::NotDescribed,
            nearest: None,
        })
    }
}

impl Found<'_> {
    /// Returns the type, where there is one for all objects.
    pub(super) fn field_type(&self) -> Option<&FieldType> {
        match self {
            Self::Field(_, field) => Some(&field.field_type),
            Self::OfAnyObject => None,
        }
    }
}

fn unknown<'n>(
    path: &FieldPath,
    object: &ObjectDescribe,
    kind: NameFaultKind,
    given: &str,
    names: impl Iterator<Item = &'n str>,
) -> NameFault {
    NameFault {
        name: path.to_string(),
        object: object.name().to_string(),
        kind,
        nearest: closest(given, names),
    }
}

/// Finds the name nearest to `given`; case does not count.
pub(super) fn closest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    nearest_in_any_case(given, &names).map(str::to_owned)
}
