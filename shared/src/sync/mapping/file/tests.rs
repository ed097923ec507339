//! Mappings as people write them, and as they should not.

use super::*;

fn faults(text: &str) -> String {
    let list = read_mapping("case.yaml", text).unwrap_err();
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn mapping_of_every_feature_is_read() {
    let mapping = read_mapping(
        "case.yaml",
        "
object: Case
entity: case
external_id: MoodBridge_Id__c
system_of_record: salesforce
conflicts: newest_wins
deletes: { direction: in, conflicts: local_wins }
filters:
  - { field: Practice_Area__c, is: [Family Law, Contract] }
  - { field: IsTest__c, is_not: [true] }
fields:
  - { remote: Subject, local: title, max_chars: 255 }
  - { remote: Status, local: status, conflicts: salesforce_wins }
  - { remote: IsClosed, local: is_closed, direction: in }
  - { remote: AccountId, local: account_id, references: Account }
  - remote: Settlement__c
    local: custom.settlement_cents
    type: number
    convert: [{ scale: 100 }]
    mask: redact
",
    )
    .unwrap();

    assert_eq!(mapping.rules.deletes.direction, Direction::In);
    assert_eq!(mapping.field("Subject").unwrap().conflicts, ConflictPolicy::NewestWins);
    assert_eq!(mapping.field("Status").unwrap().conflicts, ConflictPolicy::RemoteWins);
    assert_eq!(mapping.field("IsClosed").unwrap().kind, FieldKind::Bool);
    assert_eq!(mapping.local_field("custom.settlement_cents").unwrap().mask, Some(Mask::Redact));
    let names = mapping.remote_fields();
    for name in ["Subject", "MoodBridge_Id__c", "Practice_Area__c", "IsTest__c"] {
        assert!(names.iter().any(|it| it == name), "{name} is not in {names:?}");
    }
}

#[test]
fn every_fault_is_told_at_once_with_its_way_out() {
    let text = faults(
        "
object: Case
entity: case
filters: [{ field: Status, is: [New], is_set: true }]
fields:
  - { remote: Subject, local: shoe_size }
  - { remote: Subject, local: title }
  - { remote: AccountId, local: account_id }
  - { remote: IsClosed, local: is_closed, type: text }
  - { remote: 'Na me', local: court }
  - { remote: Owner, local: custom.Owner }
  - { remote: Code__c, local: custom.code, convert: [upper] }
  - { remote: X__c, local: custom.x, direction: none }
",
    );
    for part in [
        "filters.Status: needs exactly one of `is`, `is_not` and `is_set`",
        "fields.Subject.local: `shoe_size` is no column of `case`: write `custom.NAME`",
        "fields.Subject: is mapped twice",
        "fields.AccountId.type: a reference says `references:`",
        "fields.IsClosed.type: the column `is_closed` holds a bool",
        "fields.Na me: is not the API name of a field",
        "fields.Owner.local: a custom field has a name of small letters",
        "fields.Code__c.convert: `upper` has no way back: give the field `direction: in`",
        "fields.X__c.direction: `none`: remove the field instead",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn text_that_is_no_mapping_names_its_line() {
    let text = faults("object: Case\nentity: planet\nfields: []");
    assert!(text.starts_with("case.yaml:2: ") && text.contains("account, contact, case"), "{text}");
    let text = faults("object: Case\nentity: case\ncolour: red\nfields: []");
    assert!(text.contains("colour"), "{text}");
    assert!(faults("object: Case\nentity: case\nfields: []").contains("is empty"));
}
