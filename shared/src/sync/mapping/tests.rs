//! The mapping of Salesforce that this build carries, and what holds for any.

use super::*;
use crate::sync::testing::salesforce_mappings;

fn case() -> ObjectMapping {
    let object = ObjectName::parse("Case").unwrap();
    salesforce_mappings().get(&object).unwrap().clone()
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), FieldValue::text(value))).collect()
}

#[test]
fn salesforce_mapping_fills_every_column_of_every_entity() {
    let mappings = salesforce_mappings();
    let objects = mappings.objects();
    assert_eq!(objects.iter().map(|it| it.entity).collect::<Vec<_>>(), Entity::ALL);
    for mapping in objects {
        let mut mapped: Vec<_> = mapping.fields.iter().map(|it| it.local.as_str()).collect();
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
    let row = case().row(&connection, &canonical).unwrap();
    let account = EntityId::derive(
        &connection,
        &ObjectName::parse("Account").unwrap(),
        &RecordId::parse("0015f00002J9YYEAA3").unwrap(),
    );
    assert_eq!(row["account_id"].as_text(), Some(account.as_str()));
    assert_eq!(row["status"], FieldValue::Null);
}

#[test]
fn lookup_of_a_record_that_was_made_here_is_its_own_row() {
    let connection = ConnectionId::parse("main").unwrap();
    let account = EntityId::parse("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529").unwrap();
    let pointer = RecordId::of_local(&account);
    let row = case().row(&connection, &fields(&[("AccountId", pointer.as_str())])).unwrap();
    assert_eq!(row["account_id"].as_text(), Some(account.as_str()));
}

#[test]
fn what_is_masked_never_reaches_the_warehouse() {
    let row = fields(&[("title", "Doe v. Roe"), ("description", "very private")]);
    let masked = case().masked(row, &Secret::new("k"));
    assert_eq!(masked["title"].as_text(), Some("Doe v. Roe"));
    assert_eq!(masked["description"].as_text(), Some("redacted"));
}
