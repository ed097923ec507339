//! The ways in which a caller proves who it is.

use axum::http::StatusCode;
use shared::config::Env;
use shared::ports::{LocalSecrets, SystemRandom};
use webhook_intake::{IntakeSettings, Limits, Senders};

use crate::fixture::{
    API_KEY, Fixture, NEXT_TOKEN, SIGNING_SECRET, TOKEN, change, envelope, notification, post,
    signed, with_header, with_peer,
};

#[tokio::test]
async fn old_and_new_token_are_both_taken() {
    let intake = Fixture::new().await;
    for token in [TOKEN, NEXT_TOKEN] {
        let path = format!("/hooks/salesforce/outbound/main/{token}");
        let answer = intake.send(post(&path, "text/xml", envelope(&notification(1, "")))).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn address_and_certificate_together_prove_a_caller_without_a_token() {
    let intake = Fixture::new().await;
    let path = "/hooks/salesforce/outbound/walled";
    let request = || {
        let request = post(path, "text/xml", envelope(&notification(1, "")));
        with_header(request, "x-client-cert", "CN=org")
    };
    let answer = intake.send(with_peer(request(), "13.110.1.2")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = intake.send(request()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "no address known, none allowed");
    let forged = with_header(with_peer(request(), "192.0.2.1"), "x-forwarded-for", "13.110.1.2");
    let answer = intake.send(forged).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "the header counts only when set");
}

#[tokio::test]
async fn address_is_the_one_that_our_own_proxies_appended() {
    let settings = r#"{"connections":[{"name":"walled","organization_id":"00D1I000003qqqE",
        "allowed_ips":["13.108.0.0/14"]}],
        "client_address":{"header":"x-forwarded-for","n_proxies":2}}"#;
    let intake = Fixture::with(settings, Limits::default()).await;
    for (header, status) in [
        ("13.110.1.2, 10.0.0.1", StatusCode::OK),
        ("198.51.100.1, 13.110.1.2:50001, 10.0.0.1", StatusCode::OK),
        ("13.110.1.2, 198.51.100.1, 10.0.0.1", StatusCode::UNAUTHORIZED),
        ("13.110.1.2", StatusCode::UNAUTHORIZED),
    ] {
        let path = "/hooks/salesforce/outbound/walled";
        let request = post(path, "text/xml", envelope(&notification(1, "")));
        let request = with_header(with_peer(request, "10.0.0.2"), "x-forwarded-for", header);
        assert_eq!(intake.send(request).await.status, status, "{header}");
    }
}

#[tokio::test]
async fn change_events_are_proven_by_signature_or_by_key() {
    let intake = Fixture::new().await;
    let path = "/hooks/salesforce/changes/signed";
    let body = change("DELETE", "", "");
    let answer = intake.send(signed(path, "msg_1", SIGNING_SECRET, 0, &body)).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    let keyed = with_header(post(path, "application/json", body.clone()), "x-api-key", API_KEY);
    assert_eq!(intake.send(keyed).await.status, StatusCode::ACCEPTED);
    let wrong = with_header(post(path, "application/json", body.clone()), "x-api-key", "key");
    assert_eq!(intake.send(wrong).await.status, StatusCode::UNAUTHORIZED);
    let with_token = post(&format!("{path}/{TOKEN}"), "application/json", body);
    assert_eq!(intake.send(with_token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn connection_that_only_signs_takes_no_outbound_message() {
    let intake = Fixture::new().await;
    let body = envelope(&notification(1, ""));
    let request = signed("/hooks/salesforce/outbound/signed", "msg_1", SIGNING_SECRET, 0, &body);
    let request = with_header(request, "content-type", "text/xml");
    assert_eq!(intake.send(request).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let intake = Fixture::new().await;
    let mut request = post("/hooks/forms", "application/json", "");
    *request.method_mut() = axum::http::Method::GET;
    let answer = intake.send(request).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    let answer = intake.send(post("/hooks", "application/json", "")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn secrets_that_cannot_be_used_are_all_reported_and_never_shown() {
    let json = r#"{"connections":[{"name":"main","organization_id":"00D1I000003qqqE",
        "tokens":["env:SHORT","env:MISSING"],"signature":{"secrets":["env:WEAK"]}}],
        "sources":[{"name":"forms","secrets":["file:no-such-file"]}]}"#;
    let settings: IntakeSettings = serde_json::from_str(json).unwrap();
    let secrets = LocalSecrets::new(Env::from_pairs([("SHORT", "hunter2"), ("WEAK", "c2hvcnQ=")]));
    let Err(error) = Senders::resolve(&settings, &secrets, &SystemRandom).await else {
        panic!("settings were taken")
    };
    let faults = error.faults().join("\n");
    assert_eq!(error.faults().len(), 4, "{faults}");
    for path in [
        "connections[0].tokens: a token is shorter than 16 characters",
        "connections[0].tokens[1]: ",
        "connections[0].signature.secrets: not a signing secret",
        "sources[0].secrets[0]: ",
    ] {
        assert!(faults.contains(path), "{path} in {faults}");
    }
    assert!(!faults.contains("hunter2") && !faults.contains("c2hvcnQ"), "{faults}");
}
