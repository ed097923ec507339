//! What the platform's answer does to a record, step by step.

use super::*;
use crate::ids::{ConnectionId, CorrelationId, EntityId, ObjectName};
use crate::model::{Edit, RecordKey};
use crate::ports::OutboxMark;
use crate::sync::testing::salesforce_mappings;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn mapping() -> ObjectMapping {
    salesforce_mappings().get(&ObjectName::parse("Account").unwrap()).unwrap().clone()
}

fn shadow(record_id: &str) -> Shadow {
    let key = RecordKey {
        connection: ConnectionId::parse("main").unwrap(),
        object: ObjectName::parse("Account").unwrap(),
        record_id: RecordId::parse(record_id).unwrap(),
    };
    let mut shadow = Shadow { revision: 1, ..Shadow::unseen(key) };
    if shadow.key.record_id.as_local().is_none() {
        shadow.fields.insert("Name".to_owned(), FieldValue::text("Acme"));
        (shadow.version, shadow.presence_version) = (at(10), at(10));
    }
    let edit = Edit::new(FieldValue::text("Acme Inc"), at(20));
    shadow.edits.fields.insert("Name".to_owned(), edit);
    shadow
}

const ID: &str = "0015f00002J9YYEAA3";

fn sent() -> Sent {
    let fields = Fields::from([("Name".to_owned(), FieldValue::text("Acme Inc"))]);
    Sent { fields, presence: None }
}

fn state(second: i64, name: &str) -> RemoteRecord {
    RemoteRecord {
        record_id: RecordId::parse(ID).unwrap(),
        version: at(second),
        is_deleted: false,
        fields: Fields::from([("Name".to_owned(), FieldValue::text(name))]),
        unread: Vec::new(),
    }
}

fn settled(shadow: &Shadow, sent: &Sent, state: Option<RemoteRecord>) -> Write {
    let correlation = CorrelationId::parse("c-1").unwrap();
    let cause = Cause {
        actor: "salesforce:main",
        channel: Channel::WriteBack,
        event_id: "push-1",
        correlation_id: &correlation,
        version: at(25),
        received_at: at(25),
        is_backfill: false,
    };
    settle(shadow, sent, &RecordId::parse(ID).unwrap(), state, &mapping(), cause).unwrap()
}

#[test]
fn accepted_edit_becomes_what_both_sides_agree_on_in_silence() {
    let write = settled(&shadow(ID), &sent(), Some(state(25, "Acme Inc")));
    assert!(write.shadow.edits.is_empty());
    assert_eq!(write.shadow.fields["Name"].as_text(), Some("Acme Inc"));
    assert_eq!(write.shadow.version, at(25));
    assert_eq!((write.audit, write.marks.outbox), (None, OutboxMark::Clear));
}

#[test]
fn answer_without_a_state_leaves_room_for_whatever_comes_later() {
    let write = settled(&shadow(ID), &sent(), None);
    assert_eq!(write.shadow.fields["Name"].as_text(), Some("Acme Inc"));
    assert_eq!(write.shadow.version, at(10));
    assert_eq!(write.marks.outbox, OutboxMark::Clear);
}

#[test]
fn value_that_the_platform_put_in_another_form_is_taken_over() {
    let write = settled(&shadow(ID), &sent(), Some(state(25, "ACME INC")));
    assert_eq!(write.row["name"].as_text(), Some("ACME INC"));
    assert!(write.shadow.edits.is_empty() && write.audit.is_some());
}

#[test]
fn edit_that_was_made_meanwhile_still_waits() {
    let mut shadow = shadow(ID);
    if let Some(edit) = shadow.edits.fields.get_mut("Name") {
        edit.replace(FieldValue::text("Acme Ltd"), at(24));
    }
    let write = settled(&shadow, &sent(), Some(state(25, "Acme Inc")));
    assert_eq!(write.shadow.edits.fields["Name"].value, FieldValue::text("Acme Ltd"));
    assert_eq!(write.row["name"].as_text(), Some("Acme Ltd"));
    assert_eq!(write.marks.outbox, OutboxMark::Keep);
    // Our own earlier value is no change of theirs.
    assert!(write.marks.conflicts.is_empty() && write.audit.is_none());
}

#[test]
fn record_that_was_made_here_gets_its_name_and_keeps_its_row() {
    let row = EntityId::parse("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529").unwrap();
    let local = shadow(RecordId::of_local(&row).as_str());
    let write = settled(&local, &sent(), Some(state(25, "Acme Inc")));
    assert_eq!(write.shadow.key.record_id.as_str(), ID);
    assert_eq!(write.marks.was_named, Some(local.key.record_id));
    assert_eq!((&write.entity_id, &write.shadow.entity_id), (&row, &row));
}

#[test]
fn deletion_that_was_taken_ends_in_a_deleted_row() {
    let mut shadow = shadow(ID);
    shadow.edits.fields.clear();
    shadow.edits.presence = Some(crate::model::PresenceEdit {
        wanted: Presence::Deleted,
        at: at(20),
        is_parked: false,
    });
    let sent = Sent { presence: Some(Presence::Deleted), ..Sent::default() };
    let write = settled(&shadow, &sent, None);
    assert!(write.is_deleted && write.shadow.is_deleted && write.shadow.edits.is_empty());
    assert_eq!((write.audit, write.marks.outbox), (None, OutboxMark::Clear));
}

fn after_deletion(presence: Option<Presence>) -> Write {
    let mut shadow = shadow(ID);
    shadow.edits.fields.clear();
    let edit = |wanted| PresenceEdit { wanted, at: at(24), is_parked: false };
    shadow.edits.presence = presence.map(edit);
    settled(&shadow, &Sent { presence: Some(Presence::Deleted), ..Sent::default() }, None)
}

#[test]
fn row_that_was_restored_while_its_deletion_was_on_its_way_is_restored_over_there() {
    for restored in [Some(Presence::Present), None] {
        let write = after_deletion(restored);
        assert!(!write.is_deleted && write.shadow.is_deleted);
        assert_eq!(write.shadow.edits.sendable_presence(), Some(&Presence::Present));
    }
}

#[test]
fn merge_that_was_taken_is_not_told_again_by_its_event() {
    let into = RecordId::parse("0015f00002J9YYFAA3").unwrap();
    let mut shadow = shadow(ID);
    shadow.edits.fields.clear();
    let wanted = Presence::MergedInto(into.clone());
    shadow.edits.presence =
        Some(PresenceEdit { wanted: wanted.clone(), at: at(20), is_parked: false });
    let write = settled(&shadow, &Sent { presence: Some(wanted), ..Sent::default() }, None);
    assert_eq!((&write.audit, &write.marks.merged_into), (&None, &None));

    let known = Shadow { revision: 2, ..write.shadow };
    let mut event = state(25, "Acme");
    event.is_deleted = true;
    let master = FieldValue::Text(into.as_str().to_owned());
    event.fields.insert("MasterRecordId".to_owned(), master);
    let echo = settled(&known, &Sent::default(), Some(event));
    assert_eq!((echo.audit, echo.marks.merged_into), (None, None));
}

#[test]
fn row_that_was_restored_before_it_was_made_there_is_not_dropped() {
    let row = EntityId::parse("3f2a8c1e-5b7d-8e21-9c44-d1e0a7b6f529").unwrap();
    let local = shadow(RecordId::of_local(&row).as_str());
    let sent = Sent { presence: Some(Presence::Deleted), ..Sent::default() };
    let mut after = local.clone();
    let correlation = CorrelationId::parse("c-1").unwrap();
    let cause = Cause {
        actor: "salesforce:main",
        channel: Channel::WriteBack,
        event_id: "push-1",
        correlation_id: &correlation,
        version: at(25),
        received_at: at(25),
        is_backfill: false,
    };
    arrive_presence(&mut after, sent.presence.as_ref().unwrap(), cause);
    assert_eq!(after, local);
}

#[test]
fn departure_is_marked_and_taken_back() {
    let leaving = depart(&shadow(ID), &sent());
    assert!(leaving.edits.fields["Name"].is_in_flight());
    assert_eq!(stay(&leaving), shadow(ID));
}
