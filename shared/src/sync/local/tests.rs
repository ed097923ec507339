//! Changes made here: what is taken, what is refused, and what a decision about a conflict does.

use super::*;
use crate::ids::{ConnectionId, CorrelationId, ObjectName};
use crate::model::{Channel, RecordKey};
use crate::ports::{ConflictMark, OutboxKind, OutboxMark, WriteKind};
use crate::sync::{ConflictPolicy, read_mapping};
use crate::time::Timestamp;

const CONTACT: &str = "
object: Contact
entity: contact
external_id: MoodBridge_Id__c
fields:
  - { remote: AccountId, local: account_id, references: Account }
  - { remote: LastName, local: last_name, max_chars: 5 }
  - { remote: Title, local: title, convert: [{ lookup: { Attorney: lawyer } }] }
  - { remote: Email, local: email, direction: in }
  - { remote: Fee__c, local: custom.fee_cents, type: number, convert: [{ scale: 100 }] }
";

fn mapping() -> ObjectMapping {
    read_mapping("contact.yaml", CONTACT).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn shadow() -> Shadow {
    let key = RecordKey {
        connection: ConnectionId::parse("main").unwrap(),
        object: ObjectName::parse("Contact").unwrap(),
        record_id: RecordId::parse("0035f00002J9YYEAA3").unwrap(),
    };
    let fields = [("LastName", "Byron"), ("Title", "Attorney"), ("Email", "ada@b.example")];
    Shadow {
        fields: fields.map(|(name, value)| (name.to_owned(), FieldValue::text(value))).into(),
        version: at(10),
        presence_version: at(10),
        revision: 1,
        ..Shadow::unseen(key)
    }
}

fn correlation() -> CorrelationId {
    CorrelationId::parse("c-1").unwrap()
}

fn cause(correlation_id: &CorrelationId, second: i64) -> Cause<'_> {
    Cause {
        actor: "person:anna",
        channel: Channel::Api,
        event_id: "request-1",
        correlation_id,
        version: at(second),
        received_at: at(second),
        is_backfill: false,
    }
}

fn change(fields: &[(&str, FieldValue)]) -> LocalChange {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    LocalChange { fields, presence: None }
}

fn try_edit(shadow: &Shadow, change: &LocalChange) -> Result<Option<Write>, EditError> {
    let account = EntityId::parse("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529").unwrap();
    let references = [(account, RecordId::parse("0015f00002J9YYEAA3").unwrap())].into();
    edit(shadow, change, &references, &mapping(), cause(&correlation(), 20))
}

fn edited(shadow: &Shadow, fields: &[(&str, FieldValue)]) -> Write {
    try_edit(shadow, &change(fields)).unwrap().unwrap()
}

#[test]
fn edit_changes_the_row_at_once_and_waits_to_be_sent() {
    let fee = FieldValue::Int(1999);
    let write = edited(&shadow(), &[("title", "lawyer".into_text()), ("custom.fee_cents", fee)]);
    assert_eq!(write.row["custom.fee_cents"], FieldValue::Int(1999));
    assert_eq!(write.shadow.edits.fields["Fee__c"].value, FieldValue::Float(19.99));
    assert_eq!(write.marks.outbox, OutboxMark::Send(OutboxKind::Update));
    assert_eq!(write.kind, WriteKind::Updated);
    // The title is what it was: there is nothing to send of it.
    assert!(!write.shadow.edits.fields.contains_key("Title"));
    let audit = write.audit.unwrap();
    assert_eq!((audit.actor.as_str(), audit.changes.len()), ("person:anna", 1));
}

trait IntoText {
    fn into_text(self) -> FieldValue;
}

impl IntoText for &str {
    fn into_text(self) -> FieldValue {
        FieldValue::text(self)
    }
}

#[test]
fn change_that_changes_nothing_is_nothing() {
    let same = change(&[("last_name", " Byron ".into_text()), ("title", "lawyer".into_text())]);
    assert_eq!(try_edit(&shadow(), &same), Ok(None));
}

#[test]
fn value_that_is_taken_back_is_sent_again_if_it_may_have_left() {
    let first = edited(&shadow(), &[("last_name", "Ada".into_text())]);
    let mut shadow = first.shadow;
    shadow.revision = 2;
    let back = edited(&shadow, &[("last_name", "Byron".into_text())]);
    assert_eq!(back.shadow.edits.fields["LastName"].value, FieldValue::text("Byron"));
    assert!(back.shadow.edits.fields["LastName"].is_ours(&FieldValue::text("Ada")));
    assert_eq!(back.marks.outbox, OutboxMark::Send(OutboxKind::Update));
}

#[test]
fn reference_is_sent_as_the_record_over_there() {
    let account = "3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529";
    let write = edited(&shadow(), &[("account_id", account.into_text())]);
    let sent = &write.shadow.edits.fields["AccountId"].value;
    assert_eq!(sent.as_text(), Some("0015f00002J9YYEAA3"));
    let unlinked = try_edit(&shadow(), &change(&[("account_id", FieldValue::Null)]));
    assert_eq!(unlinked, Ok(None));
}

#[test]
fn what_cannot_be_changed_is_refused_with_the_way_out() {
    let refused = |name: &str, value: FieldValue| {
        try_edit(&shadow(), &change(&[(name, value)])).unwrap_err().to_string()
    };
    for (name, value, part) in [
        ("shoe_size", FieldValue::Int(43), "write one of `account_id`, `last_name`"),
        ("email", "x@y.example".into_text(), "it comes from `Email` over there"),
        ("last_name", "Lovelace".into_text(), "at most 5 characters, and this is 8"),
        ("custom.fee_cents", "much".into_text(), "write number"),
        ("account_id", "nobody".into_text(), "write the id of a row, or null"),
        (
            "account_id",
            "00000000-0000-8000-8000-000000000000".into_text(),
            "names a row that is not there",
        ),
    ] {
        let message = refused(name, value);
        assert!(message.contains(part) && message.contains(name), "{message}");
        assert!(!message.contains("Lovelace"), "{message}");
    }
}

fn presence(shadow: &Shadow, wanted: Presence) -> Result<Option<Write>, EditError> {
    try_edit(shadow, &LocalChange { presence: Some(wanted), ..LocalChange::default() })
}

#[test]
fn deleted_row_takes_no_edits_until_it_is_restored() {
    let deleted = presence(&shadow(), Presence::Deleted).unwrap().unwrap();
    assert_eq!((deleted.kind, deleted.is_deleted), (WriteKind::Deleted, true));
    assert_eq!(deleted.marks.outbox, OutboxMark::Send(OutboxKind::Delete));
    let mut shadow = deleted.shadow;
    shadow.revision = 2;

    let refused = try_edit(&shadow, &change(&[("last_name", "Ada".into_text())]));
    assert_eq!(refused, Err(EditError::Deleted));
    assert_eq!(presence(&shadow, Presence::Deleted), Err(EditError::Deleted));

    let restored = presence(&shadow, Presence::Present).unwrap().unwrap();
    assert_eq!((restored.kind, restored.is_deleted), (WriteKind::Restored, false));
    // The deletion may be on its way: it is turned back over there.
    assert_eq!(restored.marks.outbox, OutboxMark::Send(OutboxKind::Undelete));
}

#[test]
fn row_that_was_deleted_over_there_is_restored_over_there() {
    let gone = Shadow { is_deleted: true, ..shadow() };
    let restored = presence(&gone, Presence::Present).unwrap().unwrap();
    assert_eq!(restored.marks.outbox, OutboxMark::Send(OutboxKind::Undelete));
    assert!(!restored.is_deleted);
}

#[test]
fn merged_row_points_to_its_survivor() {
    let winner = RecordId::parse("0035f00002J9YYFAA3").unwrap();
    let merged = presence(&shadow(), Presence::MergedInto(winner.clone())).unwrap().unwrap();
    let survivor = RecordKey { record_id: winner, ..shadow().key }.entity_id();
    assert_eq!(merged.marks.merged_into, Some(survivor.clone()));
    let told = merged.audit.unwrap().changes;
    let told = told.iter().find(|it| it.field == "merged_into").unwrap();
    assert_eq!((&told.before, told.after.as_text()), (&FieldValue::Null, Some(survivor.as_str())));
    assert_eq!(merged.marks.outbox, OutboxMark::Send(OutboxKind::Merge));
}

/// A conflict about the last name, and the record it is about.
fn conflict() -> (Shadow, Conflict) {
    let mut shadow = shadow();
    let mut edit = Edit::new(FieldValue::text("Ada"), at(12));
    edit.is_parked = true;
    shadow.edits.fields.insert("LastName".to_owned(), edit);
    let conflict = Conflict {
        id: 1,
        key: shadow.key.clone(),
        entity: Entity::Contact,
        entity_id: shadow.entity_id.clone(),
        label: None,
        field: "LastName".to_owned(),
        local_field: "last_name".to_owned(),
        local_value: FieldValue::text("Ada"),
        remote_value: FieldValue::text("Byron"),
        remote_version: at(10),
        policy: ConflictPolicy::Manual,
        opened_at: at(13),
        resolved_at: None,
        resolution: None,
        resolved_by: None,
        correlation_id: correlation(),
    };
    (shadow, conflict)
}

fn resolved(verdict: &Verdict) -> Write {
    let (shadow, conflict) = conflict();
    let correlation = correlation();
    let cause = cause(&correlation, 20);
    resolve(&shadow, &conflict, verdict, &References::new(), &mapping(), cause).unwrap()
}

#[test]
fn verdict_decides_which_value_stands_and_what_is_sent() {
    let local = resolved(&Verdict::Local);
    assert_eq!(local.row["last_name"].as_text(), Some("Ada"));
    assert_eq!(local.marks.outbox, OutboxMark::Send(OutboxKind::Update));

    let remote = resolved(&Verdict::Remote);
    assert_eq!(remote.row["last_name"].as_text(), Some("Byron"));
    assert_eq!(remote.marks.outbox, OutboxMark::Keep);

    let other = resolved(&Verdict::Other(FieldValue::text("King")));
    assert_eq!(other.row["last_name"].as_text(), Some("King"));
    assert_eq!(other.marks.outbox, OutboxMark::Send(OutboxKind::Update));

    for (write, wanted) in
        [(local, Resolution::Local), (remote, Resolution::Remote), (other, Resolution::Other)]
    {
        let [ConflictMark::Close { field, resolution, by }] = write.marks.conflicts.as_slice()
        else {
            panic!("{:?}", write.marks)
        };
        assert_eq!((field.as_str(), *resolution, by.as_str()), ("LastName", wanted, "person:anna"));
    }
}

#[test]
fn field_in_dispute_that_somebody_edits_is_decided_by_that() {
    let (shadow, _) = conflict();
    let write = edited(&shadow, &[("last_name", "King".into_text())]);
    assert!(!write.shadow.edits.fields["LastName"].is_parked);
    assert!(matches!(
        write.marks.conflicts.as_slice(),
        [ConflictMark::Close { resolution: Resolution::Other, .. }]
    ));
}
