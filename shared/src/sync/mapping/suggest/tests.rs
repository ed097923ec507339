//! Proposals out of invented objects; each must be a mapping.

use super::*;
use crate::sync::mapping::{FieldKind, read_mapping};
use crate::sync::testing::salesforce_mappings;

fn field(name: &str, kind: RemoteKind) -> RemoteField {
    RemoteField {
        name: name.to_owned(),
        label: name.to_owned(),
        kind,
        is_nullable: true,
        can_create: true,
        can_update: true,
        is_calculated: false,
        is_external_id: false,
        is_unique: false,
        is_required_on_create: false,
    }
}

fn text(name: &str, length: u32) -> RemoteField {
    field(name, RemoteKind::Text { length })
}

fn reference(name: &str, to: &[&str]) -> RemoteField {
    let to: Vec<_> = to.iter().map(|it| ObjectName::parse(*it).unwrap()).collect();
    let is_polymorphic = to.len() > 1;
    field(name, RemoteKind::Reference { to, is_polymorphic })
}

fn read_only(field: RemoteField) -> RemoteField {
    RemoteField { can_create: false, can_update: false, ..field }
}

/// Proposes a mapping of a case with these fields; it must be one.
fn proposed(fields: Vec<RemoteField>) -> (String, ObjectMapping) {
    let object =
        RemoteObject { name: ObjectName::parse("Case").unwrap(), label: "Case".into(), fields };
    let mapped = salesforce_mappings();
    let suggestion = Suggestion {
        object: &object,
        entity: Entity::Case,
        standard: mapped.get(&object.name),
        mapped: &mapped,
        external_id: "MoodBridge_Id__c",
        left_out: &["SystemModstamp"],
    };
    let yaml = suggestion.to_yaml();
    let mapping = read_mapping("case.yaml", &yaml).unwrap_or_else(|it| panic!("{it:?}\n{yaml}"));
    (yaml, mapping)
}

#[test]
fn columns_come_by_the_standard_mapping_then_by_name_and_label() {
    let mut matter = text("Matter_Field__c", 20);
    matter.label = "Practice Area".into();
    let (_, mapping) =
        proposed(vec![text("CourtName__c", 9), matter, text("Court__c", 77), text("Origin__c", 5)]);
    let local = |remote: &str| mapping.field(remote).unwrap().local.as_str();
    assert_eq!(local("Court__c"), "court");
    assert_eq!(mapping.field("Court__c").unwrap().max_chars, Some(77));
    assert_eq!(local("Matter_Field__c"), "practice_area");
    assert_eq!(local("Origin__c"), "origin");
    assert_eq!(local("CourtName__c"), "custom.court_name");
}

#[test]
fn every_kind_is_written_as_mappings_write_it() {
    let (yaml, mapping) = proposed(vec![
        field("Budget__c", RemoteKind::Currency { precision: 18, scale: 2 }),
        field("IsEscalated", RemoteKind::Bool),
        field("Hearing__c", RemoteKind::Date),
        field("SlaStartDate", RemoteKind::DateTime),
        reference("ParentId", &["Case"]),
        reference("AccountId", &["Account"]),
        reference("OwnerId", &["Group", "User"]),
        field("Address__c", RemoteKind::Compound),
        field("Id", RemoteKind::Id),
        read_only(field("SystemModstamp", RemoteKind::DateTime)),
        text("No", 5),
    ]);
    let kind = |remote: &str| mapping.field(remote).unwrap().kind.clone();
    assert_eq!(kind("Budget__c"), FieldKind::Number);
    assert_eq!(kind("IsEscalated"), FieldKind::Bool);
    assert_eq!(kind("Hearing__c"), FieldKind::Date);
    assert_eq!(kind("SlaStartDate"), FieldKind::DateTime);
    assert_eq!(kind("ParentId"), FieldKind::Reference(ObjectName::parse("Case").unwrap()));
    assert_eq!(mapping.field("AccountId").unwrap().local, "account_id");
    // A row of ours cannot stand for it.
    let owner = mapping.field("OwnerId").unwrap();
    assert_eq!((&owner.kind, owner.direction), (&FieldKind::Text, Direction::In));
    assert!(yaml.contains("# left out: Address__c") && mapping.field("Id").is_none(), "{yaml}");
    assert!(mapping.field("SystemModstamp").is_none() && mapping.field("No").is_some());
}

#[test]
fn what_cannot_be_written_only_comes_in() {
    let formula = RemoteField { is_calculated: true, ..read_only(text("Age__c", 9)) };
    let encrypted = field("Ssn__c", RemoteKind::Encrypted { length: 11 });
    let number = read_only(text("CaseNumber", 30));
    let fields = vec![formula, encrypted, number, text("Subject", 255)];
    let (_, mapping) = proposed(fields);
    for remote in ["Age__c", "Ssn__c", "CaseNumber"] {
        assert_eq!(mapping.field(remote).unwrap().direction, Direction::In, "{remote}");
    }
    assert_eq!(mapping.field("CaseNumber").unwrap().local, "case_number");
    assert_eq!(mapping.field("Subject").unwrap().direction, Direction::Both);
}

#[test]
fn external_id_is_named_when_the_org_has_it() {
    let (yaml, mapping) = proposed(vec![text("Subject", 255)]);
    assert_eq!(mapping.rules.external_id, None);
    assert!(yaml.contains("# external_id: MoodBridge_Id__c"), "{yaml}");
    let own = vec![text("Subject", 255), text("MoodBridge_Id__c", 36)];
    let (_, mapping) = proposed(own);
    assert_eq!(mapping.rules.external_id.as_deref(), Some("MoodBridge_Id__c"));
    assert!(mapping.field("MoodBridge_Id__c").is_none());
}

#[test]
fn names_are_words_and_no_two_are_the_same() {
    for (remote, name) in [
        ("NumberOfEmployees", "number_of_employees"),
        ("SLAViolation", "sla_violation"),
        ("ns__Docket_No", "ns_docket_no"),
        ("Line2Text", "line2_text"),
    ] {
        assert_eq!(snake_case(remote), name);
    }
    let long = format!("A{}", "b".repeat(70));
    let (_, mapping) = proposed(vec![
        text("Judge", 9),
        text("Judge__c", 9),
        text(&format!("{long}1"), 9),
        text(&format!("{long}2"), 9),
    ]);
    let names: BTreeSet<_> = mapping.fields.iter().map(|it| it.local.clone()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
}
