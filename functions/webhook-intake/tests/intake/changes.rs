//! Change events that are good.

use axum::http::StatusCode;
use shared::model::{Change, ChangeEvent, Channel, FieldValue, Scope};

use crate::fixture::{Fixture, change, changes_path, post};

/// As recorded from an org by `CometD`; the names of people replaced.
const RECORDED: &str = r#"{"LastModifiedDate":"2026-05-07T22:29:47.000Z","MailingAddress":{"Street":"1235 wildwood St"},"ChangeEventHeader":{"commitNumber":1778192987716501506,"commitUser":"005bm000005uOROAA2","sequenceNumber":1,"entityName":"Contact","changeType":"UPDATE","changedFields":["LastModifiedDate","MailingAddress.Street","MailingAddress.City","OtherAddress.PostalCode"],"changeOrigin":"com/salesforce/api/soap/66.0;client=SfdcInternalAPI/","transactionKey":"00007e6d-1720-70a0-4379-f4dc745d2b31","commitTimestamp":1778192987000,"recordIds":["003bm000016htgPAAQ"]}}"#;

async fn taken(intake: &Fixture, body: impl Into<String>) -> Vec<ChangeEvent> {
    let answer = intake.send(post(&changes_path(), "application/json", body.into())).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
    intake.queued().await
}

#[tokio::test]
async fn recorded_update_is_flat_with_what_was_emptied() {
    let intake = Fixture::new().await;
    let event = taken(&intake, RECORDED).await.remove(0);
    assert_eq!(event.event_id, "00007e6d-1720-70a0-4379-f4dc745d2b31:1:003bm000016htgPAAQ");
    assert_eq!(event.key.to_string(), "main/Contact/003bm000016htgPAAQ");
    assert_eq!((event.change, event.scope), (Change::Upsert, Scope::Changed));
    assert_eq!(event.version.unwrap().to_string(), "2026-05-07T22:29:47.000Z");
    assert_eq!(event.channel, Channel::ChangeEvent);
    let fields: Vec<(&str, &FieldValue)> =
        event.fields.iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(
        fields,
        [
            ("LastModifiedDate", &FieldValue::text("2026-05-07T22:29:47.000Z")),
            ("MailingCity", &FieldValue::Null),
            ("MailingStreet", &FieldValue::text("1235 wildwood St")),
            ("OtherPostalCode", &FieldValue::Null),
        ]
    );
}

#[tokio::test]
async fn every_wrapping_gives_the_same_event() {
    let bare = taken(&Fixture::new().await, RECORDED).await;
    let source = "aws.partner/salesforce.com/00D1I000003qqqEUAQ/0YLxx0000000000EAA";
    for wrapped in [
        format!(
            r#"{{"data":{{"schema":"x","payload":{RECORDED},"event":{{"replayId":617}}}},"channel":"/data/ContactChangeEvent"}}"#
        ),
        format!(
            r#"{{"version":"0","source":"{source}","detail-type":"ContactChangeEvent","detail":{{"payload":{RECORDED},"schemaId":"x","id":"y","replayId":"z"}}}}"#
        ),
        format!(r#"{{"payload":{RECORDED}}}"#),
        format!("[{RECORDED}]"),
        format!("{RECORDED}\n"),
    ] {
        assert_eq!(taken(&Fixture::new().await, wrapped).await, bare);
    }
}

#[tokio::test]
async fn lists_and_lines_are_taken_whole() {
    let intake = Fixture::new().await;
    let other = RECORDED.replace("\"sequenceNumber\":1", "\"sequenceNumber\":2");
    let body = format!("{RECORDED}\n[{other},{RECORDED}]\n");
    let request = post(&changes_path(), "application/x-ndjson", body);
    let answer = intake.send(request).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.body, r#"{"accepted":2,"duplicates":1}"#);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(intake.n_queued().await, 2);
}

#[tokio::test]
async fn merged_event_is_one_event_for_each_record() {
    let intake = Fixture::new().await;
    let body = change("UPDATE", r#","changedFields":["Status"]"#, r#","Status":"Trial""#)
        .replace(r#"["5001I0000000001"]"#, r#"["5001I0000000001","5001I0000000002"]"#);
    let events = taken(&intake, body).await;
    let keys: Vec<String> = events.iter().map(|it| it.key.to_string()).collect();
    assert_eq!(keys, ["main/Case/5001I0000000001QAA", "main/Case/5001I0000000002QAA"]);
    assert!(events.iter().all(|it| it.fields["Status"] == FieldValue::text("Trial")));
}

#[tokio::test]
async fn each_kind_of_change_has_its_meaning() {
    for (kind, change_kind, scope, has_fields) in [
        ("CREATE", Change::Upsert, Scope::Full, true),
        ("UNDELETE", Change::Undelete, Scope::Full, true),
        ("UPDATE", Change::Upsert, Scope::Changed, true),
        ("DELETE", Change::Delete, Scope::Changed, false),
        ("GAP_DELETE", Change::Delete, Scope::Changed, false),
        ("GAP_CREATE", Change::Unknown, Scope::Changed, false),
        ("GAP_UPDATE", Change::Unknown, Scope::Changed, false),
        ("GAP_UNDELETE", Change::Unknown, Scope::Changed, false),
        ("SNAPSHOT", Change::Unknown, Scope::Changed, false),
    ] {
        let body = change(kind, "", r#","Status":"Trial""#);
        let event = taken(&Fixture::new().await, body).await.remove(0);
        assert_eq!((event.change, event.scope), (change_kind, scope), "{kind}");
        assert_eq!(!event.fields.is_empty(), has_fields, "{kind}");
        assert_eq!(event.version.unwrap().to_string(), "2026-05-07T22:29:47.000Z", "{kind}");
    }
}

#[tokio::test]
async fn event_about_every_record_asks_for_all_to_be_read() {
    for (kind, id) in [("UPDATE", "001*"), ("GAP_OVERFLOW", "000000000000000AAA")] {
        let body = change(kind, "", "").replace("5001I0000000001", id);
        let event = taken(&Fixture::new().await, body).await.remove(0);
        assert_eq!(event.change, Change::Unknown);
        assert_eq!(event.key.record_id.as_str(), "000000000000000AAA");
        assert!(event.event_id.ends_with(id), "{}", event.event_id);
    }
}

#[tokio::test]
async fn value_that_is_not_carried_asks_for_the_record_to_be_read() {
    for (header, body) in [
        (r#","changedFields":["Description"]"#, r#","Description":{"diff":"--- \n+++ ab"}"#),
        (
            r#","changedFields":["Description"],"diffFields":["Description"]"#,
            r#","Description":"--- ""#,
        ),
        (r#","changedFields":["0x400000"],"nulledFields":["0x01"]"#, r#","Status":"Trial""#),
        ("", r#","Tags__c":["a"]"#),
    ] {
        let body = change("UPDATE", header, body);
        let event = taken(&Fixture::new().await, body).await.remove(0);
        assert_eq!(event.change, Change::Unknown);
        assert!(event.fields.is_empty());
    }
}

#[tokio::test]
async fn decoded_form_with_bits_and_nulls_keeps_what_has_a_value() {
    let header = r#","nulledFields":[],"diffFields":[],"changedFields":["0x400000","4-0x01"]"#;
    let body = r#","Status":"Trial","Subject":null,"LastModifiedDate":1714156703999"#;
    let event = taken(&Fixture::new().await, change("UPDATE", header, body)).await.remove(0);
    assert_eq!(event.scope, Scope::Changed);
    assert_eq!(event.fields["Status"], FieldValue::text("Trial"));
    assert!(!event.fields.contains_key("Subject"), "unchanged fields are null in this form");
    assert_eq!(event.version.unwrap().as_millis(), 1_714_156_703_000);
}

#[tokio::test]
async fn time_that_no_calendar_has_is_refused_and_not_left_to_the_worker() {
    for millis in [i64::MIN, -70_000_000_000_000, 1_778_192_987_000_000, i64::MAX] {
        let intake = Fixture::new().await;
        let body = change("DELETE", "", "").replace("1778192987999", &millis.to_string());
        let answer = intake.send(post(&changes_path(), "application/json", body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
        assert!(answer.body.contains("ChangeEventHeader.commitTimestamp"), "{}", answer.body);
        assert!(intake.queued().await.is_empty());
    }
}
