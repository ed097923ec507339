//! Tests of the merge: single rules, then any order of any history.

use proptest::prelude::*;

use super::*;
use crate::ids::{ConnectionId, CorrelationId, ObjectName, RecordId};
use crate::model::{Channel, RecordKey};
use crate::ports::WriteKind;
use crate::sync::testing::salesforce_mappings;

fn mapping() -> ObjectMapping {
    let object = ObjectName::parse("Account").unwrap();
    salesforce_mappings().get(&object).unwrap().clone()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

fn event(change: Change, version: i64, scope: Scope, fields: &[(&str, &str)]) -> ChangeEvent {
    ChangeEvent {
        event_id: format!("e-{version}"),
        key: RecordKey {
            connection: ConnectionId::parse("main").unwrap(),
            object: ObjectName::parse("Account").unwrap(),
            record_id: RecordId::parse("0015f00002J9YYEAA3").unwrap(),
        },
        change,
        version: Some(at(version)),
        scope,
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), FieldValue::text(value)))
            .collect(),
        unread: Vec::new(),
        channel: Channel::ChangeEvent,
        received_at: at(version),
        is_backfill: false,
        correlation_id: CorrelationId::parse("c-1").unwrap(),
    }
}

fn merge_as(event: &ChangeEvent, shadow: Option<&Shadow>, authority: Authority) -> Merged {
    let mapping = mapping();
    let context =
        MergeContext { mapping: &mapping, actor: "salesforce:main", authority, reported: None };
    merge(event, shadow, context).unwrap()
}

fn reported(event: &ChangeEvent, shadow: Option<&Shadow>) -> Merged {
    merge_as(event, shadow, Authority::Reported)
}

fn written(merged: Merged) -> Write {
    match merged {
        Merged::Write(write) => *write,
        other => panic!("expected a write, got {other:?}"),
    }
}

fn stored(event: &ChangeEvent) -> Shadow {
    let mut shadow = written(reported(event, None)).shadow;
    shadow.revision = 1;
    shadow
}

#[test]
fn first_full_event_creates_the_row() {
    let write =
        written(reported(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]), None));
    assert_eq!(write.kind, WriteKind::Created);
    assert_eq!(write.row["name"].as_text(), Some("Acme"));
    assert_eq!(write.audit.unwrap().changes.len(), 1);
}

#[test]
fn duplicate_and_older_events_change_nothing() {
    let shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
    let duplicate = event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]);
    let older = event(Change::Upsert, 4, Scope::Full, &[("Name", "Old")]);
    assert_eq!(reported(&duplicate, Some(&shadow)), Merged::Nothing);
    assert_eq!(reported(&older, Some(&shadow)), Merged::Nothing);
}

#[test]
fn two_values_of_one_second_are_settled_by_the_source() {
    let shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
    let other = event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme Inc")]);
    assert!(matches!(reported(&other, Some(&shadow)), Merged::ReadRecord(_)));
    let write = written(merge_as(&other, Some(&shadow), Authority::Read));
    assert_eq!(write.row["name"].as_text(), Some("Acme Inc"));
}

#[test]
fn late_partial_event_still_lands_in_fields_that_nothing_newer_touched() {
    let base = stored(&event(Change::Upsert, 1, Scope::Full, &[("Name", "Acme"), ("Phone", "1")]));
    let newer = event(Change::Upsert, 3, Scope::Changed, &[("Name", "Acme Inc")]);
    let mut shadow = written(reported(&newer, Some(&base))).shadow;
    shadow.revision = 2;
    let late = event(Change::Upsert, 2, Scope::Changed, &[("Name", "Lost"), ("Phone", "2")]);
    let write = written(reported(&late, Some(&shadow)));
    assert_eq!(write.row["name"].as_text(), Some("Acme Inc"));
    assert_eq!(write.row["phone"].as_text(), Some("2"));
}

#[test]
fn partial_event_of_an_unknown_record_reads_it() {
    let partial = event(Change::Upsert, 1, Scope::Changed, &[("Name", "Acme")]);
    assert!(matches!(reported(&partial, None), Merged::ReadRecord(_)));
}

#[test]
fn message_that_leaves_out_empty_fields_reads_the_record_only_when_it_is_news() {
    let shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
    let known = event(Change::Upsert, 5, Scope::NonEmpty, &[("Name", "Acme")]);
    let older = event(Change::Upsert, 4, Scope::NonEmpty, &[("Name", "Old")]);
    let news = event(Change::Upsert, 6, Scope::NonEmpty, &[("Name", "Acme")]);
    assert_eq!(reported(&known, Some(&shadow)), Merged::Nothing);
    assert_eq!(reported(&older, Some(&shadow)), Merged::Nothing);
    assert!(matches!(reported(&news, Some(&shadow)), Merged::ReadRecord(_)));
}

#[test]
fn delete_keeps_the_fields_and_undelete_brings_the_row_back() {
    let shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
    let write = written(reported(&event(Change::Delete, 6, Scope::Full, &[]), Some(&shadow)));
    assert_eq!(write.kind, WriteKind::Deleted);
    assert_eq!(write.row["name"].as_text(), Some("Acme"));
    let mut shadow = write.shadow;
    shadow.revision = 2;
    let undelete = event(Change::Undelete, 7, Scope::Full, &[("Name", "Acme")]);
    assert_eq!(written(reported(&undelete, Some(&shadow))).kind, WriteKind::Restored);
}

#[test]
fn merge_into_a_third_record_stands_and_is_told() {
    let [ours, theirs] =
        ["0015f00002J9YYFAA3", "0015f00002J9YYGAA3"].map(|it| RecordId::parse(it).unwrap());
    for (into, n_told) in [(&ours, 0), (&theirs, 1)] {
        let mut shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
        shadow.edits.presence = Some(crate::model::PresenceEdit {
            wanted: crate::model::Presence::MergedInto(ours.clone()),
            at: shadow.version,
            is_parked: false,
        });
        let fields = [("Name", "Acme"), ("MasterRecordId", into.as_str())];
        let write =
            written(reported(&event(Change::Delete, 9, Scope::Full, &fields), Some(&shadow)));
        assert!(write.shadow.edits.presence.is_none());
        let changes = write.audit.map(|it| it.changes).unwrap_or_default();
        let told = changes.iter().filter(|it| it.field == "merged_into");
        assert_eq!(told.flat_map(|it| &it.decisions).count(), n_told);
        assert_eq!(write.marks.merged_into.is_some(), n_told == 1);
    }
}

#[test]
fn update_that_arrives_after_a_later_delete_does_not_revive_the_row() {
    let deleted = stored(&event(Change::Delete, 9, Scope::Full, &[]));
    let late = event(Change::Upsert, 8, Scope::Full, &[("Name", "Acme")]);
    let write = written(reported(&late, Some(&deleted)));
    assert!(write.shadow.is_deleted);
}

#[test]
fn newer_event_without_a_difference_moves_the_version_and_writes_no_audit_row() {
    let shadow = stored(&event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]));
    let touch = event(Change::Upsert, 6, Scope::Full, &[("Name", "Acme")]);
    let write = written(reported(&touch, Some(&shadow)));
    assert_eq!(write.audit, None);
    assert_eq!(write.shadow.version, at(6));
}

#[test]
fn event_without_a_version_reads_the_record() {
    let mut event = event(Change::Upsert, 5, Scope::Full, &[("Name", "Acme")]);
    event.version = None;
    assert!(matches!(reported(&event, None), Merged::ReadRecord(_)));
}

/// One step in the life of a record: what is set, and whether it is deleted or comes back.
#[derive(Clone, Debug)]
enum Step {
    Set(Vec<(&'static str, u8)>),
    Delete,
    Undelete,
}

fn step() -> impl Strategy<Value = Step> {
    let field = prop::sample::select(vec!["Name", "Phone", "Website"]);
    prop_oneof![
        6 => prop::collection::vec((field, 0_u8..4), 1..3).prop_map(Step::Set),
        1 => Just(Step::Delete),
        1 => Just(Step::Undelete),
    ]
}

/// Plays `steps` at the source: the events it sends, and the state it ends in.
fn play(steps: &[Step], scopes: &[bool]) -> (Vec<ChangeEvent>, ChangeEvent) {
    let mut state = Fields::new();
    let mut is_deleted = false;
    let mut events = Vec::new();
    for (step_idx, step) in steps.iter().enumerate() {
        let version = i64::try_from(step_idx).unwrap() + 1;
        let mut sent = event(Change::Upsert, version, Scope::Full, &[]);
        match step {
            Step::Set(fields) if !is_deleted => {
                for (name, value) in fields {
                    let value = FieldValue::text(&"x".repeat(usize::from(*value)));
                    sent.fields.insert((*name).to_owned(), value.clone());
                    state.insert((*name).to_owned(), value);
                }
                if step_idx > 0 && scopes[step_idx % scopes.len()] {
                    sent.scope = Scope::Changed;
                } else {
                    sent.fields = state.clone();
                }
            }
            Step::Delete if !is_deleted => {
                is_deleted = true;
                sent.change = Change::Delete;
            }
            Step::Undelete if is_deleted => {
                is_deleted = false;
                sent.change = Change::Undelete;
                sent.fields = state.clone();
            }
            _ => continue,
        }
        events.push(sent);
    }
    let version = i64::try_from(steps.len()).unwrap();
    let change = if is_deleted { Change::Delete } else { Change::Upsert };
    let mut current = event(change, version, Scope::Full, &[]);
    current.fields = state;
    (events, current)
}

/// Takes `events` in as the worker does, reading the record whenever the merge asks for it.
fn take_in(events: &[ChangeEvent], current: &ChangeEvent) -> Shadow {
    let mut shadow: Option<Shadow> = None;
    for event in events {
        let merged = match reported(event, shadow.as_ref()) {
            Merged::ReadRecord(_) => merge_as(current, shadow.as_ref(), Authority::Read),
            other => other,
        };
        if let Merged::Write(write) = merged {
            let mut next = write.shadow;
            next.revision += 1;
            shadow = Some(next);
        }
    }
    shadow.unwrap()
}

fn visible(fields: &Fields) -> Fields {
    fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

proptest! {
    #[test]
    fn any_order_with_any_repeats_ends_in_the_state_of_the_source(
        steps in prop::collection::vec(step(), 1..12),
        scopes in prop::collection::vec(any::<bool>(), 12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..24),
        seed in any::<u64>(),
    ) {
        let first = Step::Set(vec![("Name", 1)]);
        let steps: Vec<_> = std::iter::once(first).chain(steps).collect();
        let (events, current) = play(&steps, &scopes);
        let mut arrivals: Vec<_> = order.iter().map(|index| index.get(&events).clone()).collect();
        arrivals.extend(events.iter().cloned());
        let n_arrivals = arrivals.len() as u64;
        for idx in (1..arrivals.len()).rev() {
            let other = (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(idx as u64 * n_arrivals)
                % (idx as u64 + 1)) as usize;
            arrivals.swap(idx, other);
        }

        let shadow = take_in(&arrivals, &current);

        let is_deleted = current.change == Change::Delete;
        prop_assert_eq!(shadow.is_deleted, is_deleted);
        if !is_deleted {
            prop_assert_eq!(visible(&shadow.fields), visible(&current.fields));
        }
    }
}
