//! Reads the schema file.

use super::field::{Access, Field, FieldKind};
use super::object::{ObjectType, Schema};

/// The fields that every object begins with.
const AUDIT_FIELDS: &[&str] = &[
    "Id id DL",
    "IsDeleted boolean D",
    "CreatedDate datetime D",
    "CreatedById reference D to=User as=CreatedBy",
    "LastModifiedDate datetime D",
    "LastModifiedById reference D to=User as=LastModifiedBy",
    "SystemModstamp datetime D",
];

/// A line of the schema file that says nothing.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of the schema is not understood: `{text}`")]
pub struct SchemaError {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl Schema {
    /// Reads a schema file; its first lines explain the format.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub(crate) fn parse(text: &str) -> Result<Self, SchemaError> {
        let mut objects: Vec<ObjectType> = Vec::new();
        for (idx, raw) in text.lines().enumerate() {
            let line = raw.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let refused = || SchemaError { line: idx + 1, text: line.to_owned() };
            if let Some(rest) = line.strip_prefix("object ") {
                objects.push(object(rest).ok_or_else(refused)?);
            } else {
                let owner = objects.last_mut().ok_or_else(refused)?;
                owner.add(field(line).ok_or_else(refused)?);
            }
        }
        Ok(Self::new(objects))
    }
}

fn object(rest: &str) -> Option<ObjectType> {
    let mut words = rest.split_whitespace();
    let (name, prefix) = (words.next()?, words.next()?.as_bytes().try_into().ok()?);
    let mut object = ObjectType::new(name, words.next()?, words.next()?, prefix);
    for line in AUDIT_FIELDS {
        object.add(field(line)?);
    }
    Some(object)
}

fn field(line: &str) -> Option<Field> {
    let mut words = line.split_whitespace().peekable();
    let name = words.next()?;
    let kind = FieldKind::named(words.next()?)?;
    let length = words.peek().and_then(|word| word.parse().ok());
    if length.is_some() {
        words.next();
    }
    let flags = words.next()?;
    if !flags.chars().all(|flag| "CUNXQLADFWR-".contains(flag)) {
        return None;
    }
    let mut field = Field {
        name: name.to_owned(),
        kind,
        length: length.unwrap_or(0),
        createable: flags.contains('C'),
        updateable: flags.contains('U'),
        nillable: flags.contains('N') || flags == "-",
        external_id: flags.contains('X'),
        unique: flags.contains('Q'),
        id_lookup: flags.contains('L'),
        auto_number: flags.contains('A'),
        defaulted: flags.contains('D'),
        filterable: !flags.contains('F'),
        name_field: flags.contains('W'),
        default: None,
        values: Vec::new(),
        reference_to: Vec::new(),
        relationship: None,
        children: None,
        part_of: None,
        restricted: flags.contains('R'),
        given_label: None,
        access: Access::Full,
        is_gone: false,
    };
    for word in words {
        let (key, value) = word.split_once('=')?;
        match key {
            "default" => field.default = Some(value.to_owned()),
            "values" => field.values = value.split('|').map(|v| v.replace('_', " ")).collect(),
            "to" => field.reference_to = value.split(',').map(str::to_owned).collect(),
            "as" => field.relationship = Some(value.to_owned()),
            "children" => field.children = Some(value.to_owned()),
            "part" => field.part_of = Some(value.to_owned()),
            _ => return None,
        }
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::position;

    #[test]
    fn embedded_schema_is_understood() {
        let schema = Schema::parse(crate::OBJECTS).unwrap();
        let case = schema.object("case").unwrap();

        assert_eq!(case.field("systemmodstamp").unwrap().0, position::MODSTAMP);
        assert_eq!(case.field("Docket_Number__c").unwrap().1.length, 40);
        assert_eq!(case.relationship("owner").unwrap().1.name, "OwnerId");
        assert!(schema.object("Account").unwrap().children.iter().any(|c| c.name == "Cases"));
    }

    #[test]
    fn odd_line_is_named() {
        let refused = Schema::parse("object A 001 A As\n  Name strong 4 C").unwrap_err();

        assert_eq!(refused.line, 2);
    }
}
