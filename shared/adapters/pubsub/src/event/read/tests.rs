//! Events of every kind, and events that are none.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use shared::ids::ConnectionId;

use super::*;
use crate::testing::{encode, event, sample};

fn schema() -> Schema {
    Schema::parse(&sample().schema.to_string()).unwrap()
}

fn context() -> Context {
    Context {
        connection: ConnectionId::parse("main").unwrap(),
        received_at: Timestamp::from_millis(1_714_156_704_000),
        correlation_id: CorrelationId::from_random(7),
    }
}

fn read_event(event: &Json) -> Result<Vec<StreamedChange>, EventFault> {
    read(&schema(), &encode(&sample().schema, event), &context()).map(|it| it.changes)
}

fn one(event: &Json) -> ChangeEvent {
    let changes = read_event(event).unwrap();
    assert_eq!(changes.len(), 1);
    changes[0].event.clone()
}

fn header(event: &mut Json) -> &mut Json {
    &mut event["ChangeEventHeader"]
}

#[test]
fn event_that_a_library_wrote_is_read() {
    let read = read(&schema(), &sample().payload, &context()).unwrap();

    assert_eq!(read.committed_at.to_string(), "2024-04-26T18:38:23.000Z");
    let changes = read.changes;
    let [StreamedChange { event, dedupe_key }] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(event.key.to_string(), "main/Account/0015f00002JUXA8AAP");
    assert_eq!((event.change, event.scope), (Change::Upsert, Scope::Changed));
    assert_eq!(event.channel, Channel::PubSub);
    assert_eq!(event.version.unwrap().to_string(), "2024-04-26T18:38:23.000Z");
    let fields: Vec<_> =
        event.fields.iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
    assert_eq!(
        fields,
        [
            ("BillingStreet".to_owned(), &FieldValue::text("415 Mission Street Suite B")),
            ("LastModifiedDate".to_owned(), &FieldValue::Int(1_714_156_703_000)),
        ]
    );
    let id = "00006bf0-edfd-6e54-a3f9-e8cefdb2c2b7:1:0015f00002JUXA8AAP";
    assert_eq!(event.event_id, id);
    assert_eq!(*dedupe_key, format!("cdc:main:Account:{id}"));
}

#[test]
fn own_stamp_of_the_record_goes_before_the_time_of_the_commit() {
    assert_eq!(one(&event(|_| {})).version, Some(Timestamp::from_millis(1_714_156_702_000)));
    let deleted = event(|it| header(it)["changeType"] = "DELETE".into());
    let deleted = one(&deleted);
    assert_eq!(deleted.version, Some(Timestamp::from_millis(1_714_156_703_000)));
    assert_eq!((deleted.change, deleted.fields.len()), (Change::Delete, 0));
}

#[test]
fn emptied_fields_are_null_and_values_of_an_enriched_event_are_left_alone() {
    let changed = event(|it| {
        header(it)["changedFields"] = json!(["0x4000c0", "4-0x03"]);
        header(it)["nulledFields"] = json!(["0x80", "4-0x02"]);
        it["Phone"] = "555".into();
        it["BillingAddress"] = json!({"Street": "a", "Country": "not of this change"});
        it["Industry"] = "enriched".into();
    });
    let fields = one(&changed).fields;
    let names: Vec<_> = fields.keys().map(shared::model::FieldName::as_str).collect();
    assert_eq!(names, ["BillingCity", "BillingStreet", "Fax", "LastModifiedDate", "Phone"]);
    assert!(fields["Fax"].is_null() && fields["BillingCity"].is_null());
    assert_eq!(fields["Phone"], FieldValue::text("555"));
}

#[test]
fn created_record_has_every_field_of_the_schema() {
    for kind in ["CREATE", "UNDELETE"] {
        let created = one(&event(|it| {
            header(it)["changeType"] = kind.into();
            header(it)["changedFields"] = json!([]);
            it["Name"] = "Roe Ltd".into();
            it["BillingAddress"] = json!({"City": "Reno", "Latitude": 39.5});
            it["AnnualRevenue"] = json!(5e7);
        }));
        assert_eq!(created.scope, Scope::Full);
        let fields = &created.fields;
        assert_eq!(fields["Name"], FieldValue::text("Roe Ltd"));
        assert_eq!(fields["BillingCity"], FieldValue::text("Reno"));
        assert_eq!(fields["BillingLatitude"], FieldValue::Float(39.5));
        assert_eq!(fields["AnnualRevenue"], FieldValue::Int(50_000_000));
        for empty in ["LastName", "ShippingCity", "BillingStreet", "Phone"] {
            assert!(fields[empty].is_null(), "{empty}");
        }
    }
}

#[test]
fn name_of_a_person_is_taken_apart_and_that_of_a_firm_is_not() {
    let renamed = |bits: &str, name: Json| {
        one(&event(|it| {
            header(it)["changedFields"] = json!(["0x400000", bits]);
            it["Name"] = name;
        }))
    };
    assert_eq!(renamed("0x2", json!("Roe Ltd")).fields["Name"], FieldValue::text("Roe Ltd"));
    let person = renamed("1-0x6", json!({"FirstName": "Ann", "LastName": "Roe"}));
    assert_eq!(person.fields["FirstName"], FieldValue::text("Ann"));
    assert!(!person.fields.contains_key("Name") && !person.fields.contains_key("Salutation"));
}

#[test]
fn what_the_event_does_not_carry_must_be_read() {
    let unknown = |change: &dyn Fn(&mut Json)| {
        let event = one(&event(|it| change(it)));
        (event.change, event.fields.len())
    };
    // A long text as a difference, a changed field without its value, a compound field as a whole.
    for change in [
        &(|it: &mut Json| {
            header(it)["changedFields"] = json!(["0x410000"]);
            header(it)["diffFields"] = json!(["0x010000"]);
            it["Description"] = "--- \n+++ 0a1b\n".into();
        }) as &dyn Fn(&mut Json),
        &|it| header(it)["changedFields"] = json!(["0x400040"]),
        &|it| header(it)["changedFields"] = json!(["0x400010"]),
    ] {
        assert_eq!(unknown(change), (Change::Unknown, 0));
    }
    for kind in ["GAP_CREATE", "GAP_UPDATE", "GAP_UNDELETE"] {
        assert_eq!(unknown(&|it| header(it)["changeType"] = kind.into()), (Change::Unknown, 0));
    }
    let gap_delete = |it: &mut Json| header(it)["changeType"] = "GAP_DELETE".into();
    assert_eq!(unknown(&gap_delete), (Change::Delete, 0));
}

#[test]
fn event_that_names_no_record_stands_for_its_object() {
    for (kind, ids) in [
        ("GAP_OVERFLOW", json!(["000000000000000AAA"])),
        ("GAP_OVERFLOW", json!([])),
        ("UPDATE", json!(["001*"])),
        ("GAP_DELETE", json!(["001*"])),
        ("DELETE", Json::from(vec!["0015f00002JUXA8AAP"; 10_001])),
    ] {
        let all = one(&event(|it| {
            header(it)["changeType"] = kind.into();
            header(it)["recordIds"] = ids;
        }));
        assert_eq!((all.change, all.scope), (Change::Unknown, Scope::Changed), "{kind}");
        assert_eq!(all.key.record_id.as_str(), "000000000000000AAA");
    }
}

#[test]
fn merged_event_is_one_change_for_each_record_with_a_key_of_its_own() {
    let merged = event(|it| {
        header(it)["recordIds"] = json!(["0015f00002JUXA8AAP", "0015f00002J9YYE"]);
    });
    let changes = read_event(&merged).unwrap();
    let ids: Vec<_> = changes.iter().map(|it| it.event.key.record_id.as_str()).collect();
    assert_eq!(ids, ["0015f00002JUXA8AAP", "0015f00002J9YYEAA3"]);
    assert_ne!(changes[0].dedupe_key, changes[1].dedupe_key);
    assert_eq!(changes[0].event.fields, changes[1].event.fields);
}

#[test]
fn event_that_would_grow_too_much_goes_without_its_fields() {
    let merged = event(|it| {
        header(it)["recordIds"] = Json::from(vec!["0015f00002JUXA8AAP"; 1000]);
        header(it)["changedFields"] = json!(["0x400040"]);
        it["Phone"] = "5".repeat(10_000).into();
    });
    let changes = read_event(&merged).unwrap();
    assert_eq!(changes.len(), 1000);
    assert!(changes.iter().all(|it| it.event.change == Change::Unknown));
}

#[test]
fn wrong_schema_is_noticed_and_the_records_are_named_nevertheless() {
    for (what, change) in [
        ("LastModifiedDate", json!(["0x000800"])),
        ("no field", json!([])),
        ("names field 40", json!(["0x10000400000"])),
        ("names part 9", json!(["0x400000", "4-0x200"])),
    ] {
        let fault =
            read_event(&event(|it| header(it)["changedFields"] = change.clone())).unwrap_err();
        let is_told = fault.why.contains(what) || what == "no field";
        assert!(is_told, "`{what}` is not in: {}", fault.why);
        let instead = fault.instead.unwrap().changes;
        assert_eq!(instead.len(), 1, "{what}");
        assert_eq!(instead[0].event.change, Change::Unknown);
    }
    let mut bytes = encode(&sample().schema, &event(|_| {}));
    bytes.push(0);
    let fault = read(&schema(), &bytes, &context()).unwrap_err();
    assert!(fault.why.contains("goes on behind"), "{}", fault.why);
    assert_eq!(fault.instead.unwrap().changes.len(), 1);
}

#[test]
fn header_that_cannot_be_used_names_its_part_and_no_value() {
    for (part, value) in [
        ("entityName", json!("Not An Object")),
        ("recordIds", json!(["0015f00002JUXA8AAX"])),
        ("recordIds", json!([])),
        ("transactionKey", json!("")),
        ("transactionKey", json!("k".repeat(101))),
        ("commitTimestamp", json!(i64::MAX)),
    ] {
        let fault = read_event(&event(|it| header(it)[part] = value.clone())).unwrap_err();
        assert!(fault.why.contains(part), "`{part}` is not in: {}", fault.why);
        assert!(!fault.why.contains("AAX") && fault.instead.is_none());
    }
}

#[test]
fn event_of_another_kind_is_no_change_event() {
    let json =
        r#"{"type":"record","name":"Low_Ink__e","fields":[{"name":"CreatedDate","type":"long"}]}"#;
    let fault = read(&Schema::parse(json).unwrap(), &[2], &context()).unwrap_err();
    assert!(fault.why.contains("no change event"), "{}", fault.why);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in vec(any::<u8>(), 0..400)) {
        let _ = read(&schema(), &bytes, &context());
    }

    #[test]
    fn event_with_some_bytes_altered_never_makes_the_reader_panic(
        places in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut payload = sample().payload.clone();
        for (place, byte) in places {
            let at = place.index(payload.len());
            payload[at] = byte;
        }
        let _ = read(&schema(), &payload, &context());
    }
}
