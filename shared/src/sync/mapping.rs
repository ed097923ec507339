//! Which remote field is which column of ours, and in which form the two can be compared.

use std::collections::BTreeMap;

use crate::ids::{ConnectionId, EntityId, InvalidId, ObjectName, RecordId, SalesforceId};
use crate::model::{Entity, FieldValue, Fields};
use crate::time::Timestamp;

/// What a remote field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text, a picklist, a phone number, an address line.
    Text,
    /// True or false.
    Bool,
    /// An instant.
    DateTime,
    /// The id of a record of that object.
    Reference(ObjectName),
}

impl FieldKind {
    /// Brings `value`, as any channel sends it, into the one form that can be compared.
    ///
    /// XML knows only text, JSON events write dates in two forms, ids come with 15 or 18
    /// characters: after this they are equal when they mean the same.
    fn canonical(&self, value: &FieldValue) -> Option<FieldValue> {
        if value.is_null() {
            return Some(FieldValue::Null);
        }
        match self {
            Self::Text => Some(match value {
                FieldValue::Text(_) => value.clone(),
                other => FieldValue::text(&other.to_string()),
            }),
            Self::Bool => match value {
                FieldValue::Bool(_) => Some(value.clone()),
                FieldValue::Text(text) if text.eq_ignore_ascii_case("true") => {
                    Some(FieldValue::Bool(true))
                }
                FieldValue::Text(text) if text.eq_ignore_ascii_case("false") => {
                    Some(FieldValue::Bool(false))
                }
                _ => None,
            },
            Self::DateTime => match value {
                FieldValue::Text(text) => Timestamp::parse(text).ok(),
                FieldValue::Int(millis) => Timestamp::from_foreign_millis(*millis),
                _ => None,
            }
            .map(|at| FieldValue::Text(at.to_string())),
            Self::Reference(_) => canonical_id(value.as_text()?).map(FieldValue::Text),
        }
    }
}

fn canonical_id(raw: &str) -> Option<String> {
    match SalesforceId::parse(raw) {
        Ok(id) => Some(id.into()),
        Err(_) => RecordId::parse(raw).ok().map(Into::into),
    }
}

/// One remote field and its column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMapping {
    /// Its name over there, such as `Docket_Number__c`.
    pub remote: String,
    /// Our column, one of [`Entity::columns`].
    pub local: &'static str,
    /// What it holds.
    pub kind: FieldKind,
}

/// One remote object and its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectMapping {
    /// Its name over there.
    pub object: ObjectName,
    /// Our table.
    pub entity: Entity,
    /// Its fields.
    pub fields: Vec<FieldMapping>,
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
    /// Lists the mapped fields by their remote names.
    pub fn remote_fields(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.remote.clone()).collect()
    }

    /// Picks the mapped fields out of `fields` in canonical form; unmapped ones are left out.
    /// Names in another case are taken too: a platform may not tell `Subject` from `subject`.
    ///
    /// # Errors
    ///
    /// [`InvalidField`] when a value does not fit its kind.
    pub fn canonical(&self, fields: &Fields) -> Result<Fields, InvalidField> {
        let mut canonical = Fields::new();
        for field in &self.fields {
            let in_other_case =
                || fields.iter().find(|it| it.0.eq_ignore_ascii_case(&field.remote));
            let value = fields.get(&field.remote).or_else(|| Some(in_other_case()?.1));
            let Some(value) = value else { continue };
            let value = field.kind.canonical(value).ok_or_else(|| InvalidField {
                field: field.remote.clone(),
                object: self.object.clone(),
                wanted: match field.kind {
                    FieldKind::Text => "text",
                    FieldKind::Bool => "true or false",
                    FieldKind::DateTime => "a date and time such as `2026-01-31T09:30:00Z`",
                    FieldKind::Reference(_) => "a record id",
                },
            })?;
            canonical.insert(field.remote.clone(), value);
        }
        Ok(canonical)
    }

    /// Turns canonical remote fields into a row of our table; a field that is absent is `Null`.
    pub fn row(&self, connection: &ConnectionId, fields: &Fields) -> Fields {
        let column = |field: &FieldMapping| {
            let value = fields.get(&field.remote).unwrap_or(&FieldValue::Null);
            let value = match (&field.kind, value.as_text()) {
                (FieldKind::Reference(object), Some(id)) => RecordId::parse(id)
                    .map(|id| EntityId::derive(connection, object, &id).into())
                    .map_or(FieldValue::Null, FieldValue::Text),
                _ => value.clone(),
            };
            (field.local.to_owned(), value)
        };
        self.fields.iter().map(column).collect()
    }
}

/// Every mapped object of one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// Returns the mapping of Salesforce's standard objects with the legal fields that
    /// `infra/sandbox-org` and the set-up guide add to `Case`.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] never, in fact: a test holds every name in the table to the rule.
    pub fn salesforce() -> Result<Self, InvalidId> {
        let objects = [
            ("Account", Entity::Account, ACCOUNT_FIELDS),
            ("Contact", Entity::Contact, CONTACT_FIELDS),
            ("Case", Entity::Case, CASE_FIELDS),
        ];
        let mut mappings = Vec::with_capacity(objects.len());
        for (object, entity, fields) in objects {
            let fields = fields
                .iter()
                .map(|&(remote, local, kind)| {
                    let kind = match kind {
                        Kind::Text => FieldKind::Text,
                        Kind::Bool => FieldKind::Bool,
                        Kind::DateTime => FieldKind::DateTime,
                        Kind::To(object) => FieldKind::Reference(ObjectName::parse(object)?),
                    };
                    Ok(FieldMapping { remote: remote.to_owned(), local, kind })
                })
                .collect::<Result<_, InvalidId>>()?;
            mappings.push(ObjectMapping { object: ObjectName::parse(object)?, entity, fields });
        }
        Ok(Self::new("salesforce", mappings))
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

    /// Lists every mapping, parents before children.
    pub fn objects(&self) -> Vec<&ObjectMapping> {
        let mut objects: Vec<_> = self.by_object.values().collect();
        objects.sort_by_key(|it| it.entity);
        objects
    }
}

/// [`FieldKind`] in a constant.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bool,
    DateTime,
    To(&'static str),
}

type Row = (&'static str, &'static str, Kind);

const ACCOUNT_FIELDS: &[Row] = &[
    ("Name", "name", Kind::Text),
    ("Type", "kind", Kind::Text),
    ("Industry", "industry", Kind::Text),
    ("Phone", "phone", Kind::Text),
    ("Website", "website", Kind::Text),
    ("BillingStreet", "billing_street", Kind::Text),
    ("BillingCity", "billing_city", Kind::Text),
    ("BillingState", "billing_state", Kind::Text),
    ("BillingPostalCode", "billing_postal_code", Kind::Text),
    ("BillingCountry", "billing_country", Kind::Text),
    ("Description", "description", Kind::Text),
];

const CONTACT_FIELDS: &[Row] = &[
    ("AccountId", "account_id", Kind::To("Account")),
    ("Salutation", "salutation", Kind::Text),
    ("FirstName", "first_name", Kind::Text),
    ("LastName", "last_name", Kind::Text),
    ("Email", "email", Kind::Text),
    ("Phone", "phone", Kind::Text),
    ("MobilePhone", "mobile_phone", Kind::Text),
    ("Title", "title", Kind::Text),
    ("Department", "department", Kind::Text),
    ("MailingStreet", "mailing_street", Kind::Text),
    ("MailingCity", "mailing_city", Kind::Text),
    ("MailingState", "mailing_state", Kind::Text),
    ("MailingPostalCode", "mailing_postal_code", Kind::Text),
    ("MailingCountry", "mailing_country", Kind::Text),
];

const CASE_FIELDS: &[Row] = &[
    ("AccountId", "account_id", Kind::To("Account")),
    ("ContactId", "contact_id", Kind::To("Contact")),
    ("CaseNumber", "case_number", Kind::Text),
    ("Docket_Number__c", "docket_number", Kind::Text),
    ("Subject", "title", Kind::Text),
    ("Court__c", "court", Kind::Text),
    ("Status", "status", Kind::Text),
    ("Priority", "priority", Kind::Text),
    ("Practice_Area__c", "practice_area", Kind::Text),
    ("Origin", "origin", Kind::Text),
    ("Reason", "reason", Kind::Text),
    ("Description", "description", Kind::Text),
    ("IsClosed", "is_closed", Kind::Bool),
    ("CreatedDate", "opened_at", Kind::DateTime),
    ("ClosedDate", "closed_at", Kind::DateTime),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> ObjectMapping {
        let object = ObjectName::parse("Case").unwrap();
        Mappings::salesforce().unwrap().get(&object).unwrap().clone()
    }

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), FieldValue::text(value))).collect()
    }

    #[test]
    fn salesforce_mapping_fills_every_column_of_every_entity() {
        let mappings = Mappings::salesforce().unwrap();
        let objects = mappings.objects();
        assert_eq!(objects.iter().map(|it| it.entity).collect::<Vec<_>>(), Entity::ALL);
        for mapping in objects {
            let mut mapped: Vec<_> = mapping.fields.iter().map(|it| it.local).collect();
            let mut columns = mapping.entity.columns().to_vec();
            mapped.sort_unstable();
            columns.sort_unstable();
            assert_eq!(mapped, columns, "{}", mapping.entity);
        }
    }

    #[test]
    fn xml_text_and_json_values_of_one_state_are_equal() {
        let xml = fields(&[
            ("IsClosed", "true"),
            ("CreatedDate", "2026-01-02T03:04:05.000Z"),
            ("AccountId", "0015f00002J9YYE"),
        ]);
        let mut json = fields(&[
            ("CreatedDate", "2026-01-02T03:04:05.000+0000"),
            ("AccountId", "0015f00002J9YYEAA3"),
        ]);
        json.insert("IsClosed".to_owned(), FieldValue::Bool(true));
        assert_eq!(case().canonical(&xml), case().canonical(&json));
    }

    #[test]
    fn value_of_the_wrong_kind_names_its_field_but_not_itself() {
        let error = case().canonical(&fields(&[("CreatedDate", "private")])).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("field `CreatedDate` of `Case`"), "{message}");
        assert!(!message.contains("private"), "{message}");
    }

    #[test]
    fn lookup_becomes_the_id_of_our_row() {
        let connection = ConnectionId::parse("main").unwrap();
        let canonical = case().canonical(&fields(&[("AccountId", "0015f00002J9YYE")])).unwrap();
        let row = case().row(&connection, &canonical);
        let account = EntityId::derive(
            &connection,
            &ObjectName::parse("Account").unwrap(),
            &RecordId::parse("0015f00002J9YYEAA3").unwrap(),
        );
        assert_eq!(row["account_id"].as_text(), Some(account.as_str()));
        assert_eq!(row["status"], FieldValue::Null);
    }
}
