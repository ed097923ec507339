//! Outbound messages that are good.

use axum::http::StatusCode;
use shared::PortErrorKind;
use shared::model::{Change, Channel, FieldValue, Scope};

use crate::fixture::{Fixture, envelope, notification, outbound_path, post};

/// What Salesforce must read to forget a message; any other text makes it send again.
const ACK: &str = r#"<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>"#;

const STAMPED: &str = "<sf:Status>New</sf:Status><sf:SystemModstamp>2026-01-02T03:04:05.678Z</sf:SystemModstamp><sf:LastModifiedDate>2026-01-01T00:00:00.000Z</sf:LastModifiedDate>";

#[tokio::test]
async fn message_is_queued_and_then_acknowledged_word_for_word() {
    let intake = Fixture::new().await;
    let body = envelope(&notification(1, STAMPED));

    let answer = intake.send(post(&outbound_path(), "text/xml; charset=utf-8", body)).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, ACK);
    assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    let events = intake.queued().await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event.event_id, "04l1I0000000001QAA");
    assert_eq!(event.key.to_string(), "main/Case/5001I0000000001QAA");
    assert_eq!((event.change, event.scope), (Change::Upsert, Scope::NonEmpty));
    assert_eq!(event.version.unwrap().to_string(), "2026-01-02T03:04:05.000Z");
    assert_eq!(event.fields["Status"], FieldValue::text("New"));
    assert_eq!(event.channel, Channel::OutboundMessage);
    assert_eq!(event.correlation_id.as_str(), "test-correlation");
}

#[tokio::test]
async fn hundred_notifications_are_one_send() {
    let intake = Fixture::new().await;
    let all: String = (0..100).map(|idx| notification(idx, STAMPED)).collect();

    let answer = intake.send(post(&outbound_path(), "text/xml", envelope(&all))).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(intake.n_queued().await, 100);
    assert_eq!(intake.queue.n_sends.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test]
async fn message_sent_again_is_acknowledged_and_queued_once() {
    let intake = Fixture::new().await;
    for _ in 0..2 {
        let body = envelope(&notification(1, STAMPED));
        let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
        assert_eq!(answer.body, ACK);
    }
    assert_eq!(intake.n_queued().await, 1);
}

#[tokio::test]
async fn message_sent_again_with_newer_values_is_not_lost() {
    let intake = Fixture::new().await;
    let newer = STAMPED.replace("03:04:05", "03:04:06");
    for fields in [STAMPED, &newer, "<sf:Status>New</sf:Status>", "<sf:Status>Trial</sf:Status>"] {
        let body = envelope(&notification(1, fields));
        let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
        assert_eq!(answer.body, ACK);
    }
    let versions: Vec<bool> = intake.queued().await.iter().map(|it| it.version.is_some()).collect();
    assert_eq!(versions, [true, true, false, false]);
}

#[tokio::test]
async fn message_sent_again_with_other_values_of_the_same_second_is_not_lost() {
    let intake = Fixture::new().await;
    for status in ["New", "Closed", "Closed"] {
        let body = envelope(&notification(1, &STAMPED.replace("New", status)));
        let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
        assert_eq!(answer.body, ACK);
    }
    assert_eq!(intake.queued().await.len(), 2);
}

#[tokio::test]
async fn last_modified_date_is_the_version_where_nothing_better_is_selected() {
    let intake = Fixture::new().await;
    let fields = "<sf:LastModifiedDate>2026-01-01T00:00:00.900Z</sf:LastModifiedDate>";
    let body = envelope(&notification(1, fields));
    intake.send(post(&outbound_path(), "text/xml", body)).await;
    let version = intake.queued().await[0].version.unwrap();
    assert_eq!(version.to_string(), "2026-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn text_is_taken_from_references_sections_and_nil() {
    let intake = Fixture::new().await;
    let fields = "<sf:Subject>Doe &amp; Doe &#x2013; <![CDATA[<b>]]><!-- no --></sf:Subject>\
                  <sf:Court__c xsi:nil=\"true\"/><sf:Origin/>\
                  <sf:Account><sf:Name>x</sf:Name></sf:Account>";
    let body = envelope(&notification(1, fields));
    let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
    assert_eq!(answer.status, StatusCode::OK);
    let fields = intake.queued().await.remove(0).fields;
    assert_eq!(fields["Subject"], FieldValue::text("Doe & Doe – <b>"));
    assert_eq!(fields["Court__c"], FieldValue::Null);
    assert_eq!(fields["Origin"], FieldValue::Null);
    assert!(!fields.contains_key("Account"), "what holds elements is left out");
}

#[tokio::test]
async fn prefixes_may_be_any() {
    let intake = Fixture::new().await;
    let body = envelope(&notification(1, "").replace("sf:", "r:").replace(":sf", ":r"))
        .replace("soapenv", "e")
        .replace("xsi", "i");
    let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
    assert_eq!(answer.body, ACK);
}

#[tokio::test]
async fn queue_that_fails_is_a_fault_and_never_an_acknowledgement() {
    let intake = Fixture::new().await;
    for (kind, status, retry_after) in [
        (PortErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE, Some("17")),
        (PortErrorKind::RateLimited, StatusCode::SERVICE_UNAVAILABLE, Some("17")),
        (PortErrorKind::Denied, StatusCode::INTERNAL_SERVER_ERROR, None),
    ] {
        *intake.queue.fails_with.lock().unwrap() = Some(kind);
        let body = envelope(&notification(1, STAMPED));
        let answer = intake.send(post(&outbound_path(), "text/xml", body)).await;
        assert_eq!(answer.status, status);
        let given = answer.headers.get("retry-after").map(|it| it.to_str().unwrap());
        assert_eq!(given, retry_after);
        assert!(answer.body.contains("<faultcode>soapenv:Server</faultcode>"), "{}", answer.body);
        assert!(!answer.body.contains("Ack"), "{}", answer.body);
    }
    *intake.queue.fails_with.lock().unwrap() = None;
    assert_eq!(intake.n_queued().await, 0);
}
