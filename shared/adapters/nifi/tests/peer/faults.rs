//! What goes wrong: every refusal of the table in `docs/nifi.md`, and answers that are lost.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::ids::CorrelationId;
use shared::ports::dataflow::Dataflow as _;
use shared::ports::flow_files::{FlowContent, FlowFile, FlowFileSink as _, FlowFiles};
use shared::{PortErrorKind, Retry};

use crate::nifi_peer::NifiPeer;
use crate::support::{PASSWORD, assert_told, send};

#[tokio::test]
async fn token_that_is_refused_is_replaced_once_and_a_wrong_password_is_not_tried_again() {
    let Some(peer) = NifiPeer::start() else { return };
    let flow = peer.dataflow("", PASSWORD);
    flow.look().await.unwrap();
    peer.control("revoke", &Value::Null).await;
    flow.look().await.unwrap();
    assert_eq!(peer.seen().await["n_tokens"], 2);

    peer.fail(json!([{"match": "/flow/about", "count": 9, "status": 401, "body": "Unauthorized"}]))
        .await;
    let error = flow.look().await.unwrap_err();
    assert_told(&error, PortErrorKind::Denied, "HTTP 401: Unauthorized");
    assert_eq!(peer.seen().await["n_tokens"], 3);

    let n_before = peer.lines(0).await.len();
    let stranger = peer.dataflow("", "hunter2hunter2");
    for _ in 0..3 {
        let error = stranger.look().await.unwrap_err();
        assert_told(&error, PortErrorKind::Denied, "username and password are not valid");
    }
    assert_eq!(peer.lines(n_before).await.len(), 1, "too many lock a user out");
}

#[tokio::test]
async fn every_refusal_of_site_to_site_is_told_as_what_it_is() {
    let Some(peer) = NifiPeer::start() else { return };
    let sink = peer.site_to_site();
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::Unavailable, "code 201");

    peer.run_entrances().await;
    peer.set(json!({"max_queued": 0})).await;
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::RateLimited, "code 202");
    assert!(matches!(error.retry(), Retry::After(Some(wait)) if wait >= Duration::from_secs(1)));
    peer.set(json!({"max_queued": 10000, "is_allowed": false})).await;
    let n_tokens = peer.seen().await["n_tokens"].clone();
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::Denied, "code 240");
    assert_eq!(
        peer.seen().await["n_tokens"],
        n_tokens,
        "the token is good, the right is not there"
    );
    let error = send(&peer.site_to_site()).await.unwrap_err();
    assert_told(&error, PortErrorKind::NotFound, "no input port `changes`");

    peer.set(json!({"is_allowed": true})).await;
    peer.part("changes", "remote", json!(false)).await;
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::NotFound, "code 200");
    assert!(peer.taken().await.is_empty());
}

#[tokio::test]
async fn destination_that_is_full_afterwards_has_the_data_and_asks_for_time() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    peer.set(json!({"max_queued": 1})).await;
    let receipt = send(&peer.site_to_site()).await.unwrap();
    assert_eq!((receipt.n_files, receipt.pause.is_some()), (1, true));
    assert_eq!(peer.taken().await.len(), 1);
}

#[tokio::test]
async fn bytes_that_arrive_changed_are_sent_again_and_not_without_end() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    let changed = |count: u32| json!([{"match": "flow-files", "count": count, "instead": "42"}]);
    peer.fail(changed(2)).await;
    assert_eq!(send(&peer.site_to_site()).await.unwrap().n_files, 1);
    assert_eq!(peer.seen().await["n_bad_checksums"], 2);

    peer.fail(changed(9)).await;
    let error = send(&peer.site_to_site()).await.unwrap_err();
    assert_told(&error, PortErrorKind::Unavailable, "something in between changes them");
    assert_eq!(peer.taken().await.len(), 1);
}

#[tokio::test]
async fn confirmation_whose_answer_is_lost_leaves_the_outcome_open() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    for fault in [json!({"drop": "after"}), json!({"status": 500}), json!({"instead": "<html>"})] {
        let mut fault = fault;
        (fault["match"], fault["count"]) = (json!("DELETE .*responseCode=12"), json!(1));
        peer.fail(json!([fault])).await;
        let error = send(&peer.site_to_site()).await.unwrap_err();
        assert_told(&error, PortErrorKind::Unavailable, "may be there, and come twice");
    }
    let confirmations = peer.lines(0).await.into_iter().filter(|it| it.ends_with(" 12")).count();
    assert_eq!(confirmations, 3, "a confirmation is said once");
}

#[tokio::test]
async fn transaction_that_ended_over_there_is_no_receipt_and_may_be_sent_again() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    let gone = json!({"responseCode": 250, "message": "expired"}).to_string();
    for at in ["flow-files", "DELETE .*responseCode=12"] {
        peer.fail(json!([{"match": at, "count": 1, "status": 404, "body": gone}])).await;
        let error = send(&peer.site_to_site()).await.unwrap_err();
        assert_told(&error, PortErrorKind::Unavailable, "expired");
    }

    // While it is filled: only the extension can notice.
    peer.set(json!({"told_ttl": 1})).await;
    let source = || -> FlowFiles {
        let content = FlowContent::streamed(4, stream::pending().boxed());
        stream::iter([Ok(FlowFile::new(Bytes::from_static(b"first"))), Ok(FlowFile::new(content))])
            .boxed()
    };
    peer.fail(json!([{"match": "^PUT", "count": 1, "status": 404, "body": gone}])).await;
    let id = CorrelationId::parse("c").unwrap();
    let error = peer.site_to_site().send(Arc::new(source), &id).await.unwrap_err();
    assert_told(&error, PortErrorKind::Unavailable, "expired");
    assert!(peer.taken().await.is_empty());
}

#[tokio::test]
async fn listener_says_what_it_cannot_take() {
    let Some(peer) = NifiPeer::start() else { return };
    let sink = peer.listener("");
    let error = send(&sink).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    peer.run_entrances().await;
    for (status, kind) in [
        (400, PortErrorKind::Rejected),
        (403, PortErrorKind::Denied),
        (404, PortErrorKind::NotFound),
        (500, PortErrorKind::Unavailable),
    ] {
        let fault =
            json!({"match": "contentListener", "count": 2, "status": status, "body": "why"});
        peer.fail(json!([fault])).await;
        let error = send(&sink).await.unwrap_err();
        assert_told(&error, kind, &format!("HTTP {status}: why"));
    }
    peer.fail(json!([])).await;
    peer.set(json!({"max_queued": 0})).await;
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::RateLimited, "the queue is full");
    assert!(peer.taken().await.is_empty());

    peer.set(json!({"max_queued": 100})).await;
    peer.fail(json!([{"match": "contentListener", "count": 1, "drop": "after"}])).await;
    send(&sink).await.unwrap();
    assert_eq!(peer.taken().await.len(), 2, "it was there already, and came again");
    peer.fail(json!([{"match": "contentListener", "count": 9, "drop": "after"}])).await;
    let error = send(&sink).await.unwrap_err();
    assert_told(&error, PortErrorKind::Unavailable, "may be there, and come twice");
}

#[tokio::test]
async fn what_is_no_answer_of_nifi_is_an_error_that_shows_no_page() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    for (at, fault, kind) in [
        ("access/token", json!({"instead": "<html>sign in</html>"}), PortErrorKind::Denied),
        ("site-to-site", json!({"instead": {}}), PortErrorKind::Rejected),
        ("flow-files", json!({"instead": "soon"}), PortErrorKind::Unavailable),
        ("site-to-site", json!({"status": 429, "retry_after": 3600}), PortErrorKind::RateLimited),
    ] {
        let mut fault = fault;
        (fault["match"], fault["count"]) = (json!(at), json!(9));
        peer.fail(json!([fault])).await;
        let error = send(&peer.site_to_site()).await.unwrap_err();
        assert_told(&error, kind, "nifi");
        assert!(!shared::chain(&error).to_string().contains("html"));
    }
    assert!(peer.taken().await.is_empty());
}
