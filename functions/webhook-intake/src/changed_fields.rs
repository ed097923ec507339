//! The fields of a change event: compound ones made flat, values that were emptied made `Null`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use shared::model::{FieldValue, Fields, part_of_compound};

/// The body of a change event, made flat.
#[derive(Debug, Default)]
pub(crate) struct Body {
    /// The fields by the names of their columns.
    pub(crate) fields: Fields,
    /// Whether something was sent in a form that does not give its value: read the record.
    pub(crate) is_partial: bool,
    /// The names of compound fields whose parts were sent.
    compounds: BTreeSet<String>,
}

/// Makes the body flat; a name without a value is left out.
pub(crate) fn flatten(body: Map<String, Value>) -> Body {
    let mut flat = Body::default();
    for (name, value) in body {
        match value {
            Value::Object(parts) if parts.contains_key("diff") => flat.is_partial = true,
            Value::Object(parts) => {
                for (part, value) in parts {
                    flat.add(part_of_compound(&name, &part), &value);
                }
                flat.compounds.insert(name);
            }
            value => flat.add(name, &value),
        }
    }
    flat
}

impl Body {
    fn add(&mut self, column: String, value: &Value) {
        match FieldValue::from_json(value) {
            Some(FieldValue::Null) => {}
            Some(value) => {
                self.fields.insert(column, value);
            }
            None => self.is_partial = true,
        }
    }

    /// Adds `Null` for each changed name that the body has no value for.
    ///
    /// Source: in the JSON form a name listed in `changedFields` but absent or null was emptied.
    pub(crate) fn empty_the_absent(&mut self, changed: &[String]) {
        for name in changed {
            match name.split_once('.') {
                Some((compound, part)) => {
                    self.fields.insert_missing(part_of_compound(compound, part));
                }
                // A whole compound, or a set of them written as bits, does not say which parts.
                None if is_bitmap(name) => {}
                None if self.compounds.contains(name) => {
                    let has_parts = changed.iter().any(|it| {
                        it.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    });
                    self.is_partial |= !has_parts;
                }
                None if name.ends_with("Address") && !self.fields.contains_key(name) => {
                    self.is_partial = true;
                }
                None => {
                    self.fields.insert_missing(name);
                }
            }
        }
    }
}

/// Tells whether a name is a set of fields written as bits, such as `0x400000` or `4-0x01`.
///
/// Source: Pub/Sub API guide, "Event deserialization considerations".
pub(crate) fn is_bitmap(name: &str) -> bool {
    name.starts_with("0x")
        || name.split_once("-0x").is_some_and(|(at, _)| at.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(json: &str, changed: &[&str]) -> Body {
        let mut body = flatten(serde_json::from_str(json).unwrap());
        let changed: Vec<String> = changed.iter().map(|it| (*it).to_owned()).collect();
        body.empty_the_absent(&changed);
        body
    }

    #[test]
    fn parts_of_compound_fields_become_columns() {
        let json = r#"{"MailingAddress":{"Street":"a"},"Name":{"FirstName":"b"},"Address":{"City":"c"},"Site__c":{"Latitude":1.5}}"#;
        let body = body(json, &[]);
        let names: Vec<&str> = body.fields.keys().map(shared::model::FieldName::as_str).collect();
        assert_eq!(names, ["City", "FirstName", "MailingStreet", "Site__Latitude__s"]);
        assert!(!body.is_partial);
    }

    #[test]
    fn changed_name_without_a_value_is_null() {
        let body = body(
            r#"{"MailingAddress":{"Street":"a"},"Phone":null,"Email":"b"}"#,
            &["MailingAddress.Street", "MailingAddress.City", "Phone", "Fax"],
        );
        assert_eq!(body.fields["MailingCity"], FieldValue::Null);
        assert_eq!(body.fields["Phone"], FieldValue::Null);
        assert_eq!(body.fields["Fax"], FieldValue::Null);
        assert_eq!(body.fields["MailingStreet"], FieldValue::text("a"));
        assert_eq!(body.fields["Email"], FieldValue::text("b"));
    }

    #[test]
    fn difference_list_and_whole_address_need_the_record() {
        assert!(body(r#"{"Description":{"diff":"--- "}}"#, &["Description"]).is_partial);
        assert!(body(r#"{"Tags__c":["a"]}"#, &[]).is_partial);
        assert!(body("{}", &["MailingAddress"]).is_partial);
        assert!(body(r#"{"Name":{"FirstName":"a"}}"#, &["Name"]).is_partial);
        assert!(!body(r#"{"Name":{"FirstName":"a"}}"#, &["Name", "Name.FirstName"]).is_partial);
    }

    #[test]
    fn bits_name_no_field() {
        assert!(body("{}", &["0x400000", "4-0x01"]).fields.is_empty());
        assert!(!is_bitmap("Weird-0xfield"));
    }
}
