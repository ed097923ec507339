//! What the columns of an upload mean.

use std::sync::Arc;

use super::ingest::Operation;
use crate::schema::{FieldKind, ObjectType, Schema, position};

/// What a column of an upload means.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Name as it was written.
    pub(super) name: String,
    pub(super) target: Target,
}

/// Where the cells of a column go.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The row itself is meant.
    Id,
    /// A field of the row.
    Field { place: usize },
    /// A reference of the row, to the row of `object` that has the cell in its field at `place`.
    Lookup { reference: usize, object: Arc<ObjectType>, place: usize },
    /// Nothing: a column of an earlier result file.
    Ignored,
}

/// Finds what the columns mean.
///
/// # Errors
/// What the job says when it fails for its heading.
pub(super) fn columns(
    schema: &Schema,
    object: &ObjectType,
    operation: Operation,
    key: Option<&str>,
    names: &[String],
) -> Result<Vec<Column>, String> {
    let columns = names
        .iter()
        .map(|name| {
            let target = target(schema, object, name).ok_or_else(|| not_found(name))?;
            Ok(Column { name: name.clone(), target })
        })
        .collect::<Result<Vec<_>, String>>()?;
    let has = |wanted: &str| names.iter().any(|name| name.eq_ignore_ascii_case(wanted));
    match operation {
        Operation::Update if !has("Id") => return Err(not_found("Id")),
        Operation::Delete | Operation::HardDelete => {
            let only_ids = matches!(columns.as_slice(), [Column { target: Target::Id, .. }]);
            if !only_ids {
                let name = operation.name();
                return Err(format!("InvalidBatch : The '{name}' batch must contain only ids"));
            }
        }
        Operation::Upsert => {
            if let Some(key) = key.filter(|key| !has(key)) {
                return Err(not_found(key));
            }
        }
        Operation::Insert | Operation::Update => {}
    }
    for (idx, name) in names.iter().enumerate() {
        if names.iter().take(idx).any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(format!("InvalidBatch : Duplicate field name : {name}"));
        }
    }
    Ok(columns)
}

fn not_found(name: &str) -> String {
    format!("InvalidBatch : Field name not found : {name}")
}

fn target(schema: &Schema, object: &ObjectType, name: &str) -> Option<Target> {
    if name.is_empty() || name.starts_with("sf__") {
        return Some(Target::Ignored);
    }
    if let Some((relation, field)) = name.split_once('.') {
        return lookup(schema, object, relation, field);
    }
    let (place, field) = object.field(name)?;
    match (place, field.kind) {
        (position::ID, _) => Some(Target::Id),
        (_, FieldKind::Address) => None,
        _ => Some(Target::Field { place }),
    }
}

/// Reads `Account.MoodBridge_Id__c` or, where a reference leads to several objects,
/// `User:Owner.Username`. Source: Bulk API 2.0 guide, relationship fields in a header row.
fn lookup(schema: &Schema, object: &ObjectType, relation: &str, field: &str) -> Option<Target> {
    let (named, relation) = match relation.split_once(':') {
        Some((object, relation)) => (Some(object), relation),
        None => (None, relation),
    };
    let (reference, definition) = object.relationship(relation)?;
    let is_polymorphic = definition.reference_to.len() > 1;
    if is_polymorphic != named.is_some() {
        return None;
    }
    let target = match named {
        Some(name) => {
            let known = definition.reference_to.iter().find(|it| it.eq_ignore_ascii_case(name))?;
            schema.object(known)?
        }
        None => schema.target(definition)?,
    };
    let (place, key) = target.field(field)?;
    let is_key = key.id_lookup || key.external_id;
    is_key.then(|| Target::Lookup { reference, object: Arc::clone(target), place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(object: &str, operation: Operation, names: &[&str]) -> Result<Vec<Column>, String> {
        let schema = Schema::parse(crate::OBJECTS).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let object = Arc::clone(schema.object(object).unwrap());
        columns(&schema, &object, operation, Some("MoodBridge_Id__c"), &names)
    }

    #[test]
    fn relationship_columns_lead_to_keys_of_other_rows() {
        let names = ["Subject", "Account.MoodBridge_Id__c", "User:Owner.Username", "Contact.Email"];
        let columns = read("Case", Operation::Insert, &names).unwrap();

        let leads_to: Vec<Option<&str>> = columns
            .iter()
            .map(|column| match &column.target {
                Target::Lookup { object, .. } => Some(object.name.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(leads_to, [None, Some("Account"), Some("User"), Some("Contact")]);
    }

    #[test]
    fn reference_to_one_object_needs_no_prefix() {
        let names = ["LastName", "Owner.Username", "ReportsTo.Email", "Account.MoodBridge_Id__c"];
        assert!(read("Contact", Operation::Insert, &names).is_ok());
        assert!(read("Contact", Operation::Insert, &["LastName", "User:Owner.Username"]).is_err());
    }

    #[test]
    fn unknown_or_wrongly_written_columns_are_named() {
        for name in [
            "Subjekt",
            "Owner.Username",
            "User:Account.Name",
            "Account.Name",
            "Account.Owner.Username",
            "Kase:Owner.Username",
            "Group:Owner.Name",
        ] {
            let refused = read("Case", Operation::Insert, &["Subject", name]).unwrap_err();
            assert_eq!(refused, format!("InvalidBatch : Field name not found : {name}"));
        }
        let refused = read("Contact", Operation::Insert, &["MailingAddress"]).unwrap_err();
        assert_eq!(refused, "InvalidBatch : Field name not found : MailingAddress");
    }

    #[test]
    fn operations_need_their_columns() {
        for (operation, names, said) in [
            (Operation::Update, &["Subject"][..], "Field name not found : Id"),
            (Operation::Upsert, &["Subject"], "Field name not found : MoodBridge_Id__c"),
            (Operation::Delete, &["Id", "Subject"], "The 'delete' batch must contain only ids"),
            (Operation::HardDelete, &["Subject"], "The 'hardDelete' batch must contain only ids"),
            (Operation::Insert, &["Subject", "subject"], "Duplicate field name : subject"),
        ] {
            let refused = read("Case", operation, names).unwrap_err();
            assert_eq!(refused, format!("InvalidBatch : {said}"));
        }
    }
}
