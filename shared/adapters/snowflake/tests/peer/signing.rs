//! Tokens: rotated keys, clocks that differ, tokens of others.

use serde_json::json;
use shared::ports::warehouse::Warehouse as _;
use shared::{PortErrorKind, chain};

use crate::support::{Key, Peer, run, statement};

#[tokio::test]
async fn next_key_takes_over_when_the_first_is_refused() {
    let Some(peer) = Peer::start().await else { return };
    let next = Key::new();
    let mut settings = peer.settings();
    settings["auth"]["next_private_key"] = json!("env:NEXT");
    let secrets = [("KEY", peer.key.pem.as_str()), ("NEXT", next.pem.as_str())];
    let warehouse = peer.open_with(&settings, &secrets);
    run(&warehouse, &statement("select 1")).await.unwrap();

    peer.register("LOADER", &[&next]).await;
    let n_before = peer.calls().await.len();
    warehouse.submit(&statement("select 2")).await.unwrap();
    assert_eq!(peer.calls().await.len(), n_before + 2, "one refusal, one more call");

    // The key that works is kept.
    warehouse.submit(&statement("select 3")).await.unwrap();
    assert_eq!(peer.calls().await.len(), n_before + 3);

    peer.register("LOADER", &[]).await;
    let error = run(&warehouse, &statement("select 4")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Denied);
    assert!(chain(&error).to_string().contains("390144"), "{}", chain(&error));
    assert_eq!(peer.calls().await.len(), n_before + 5, "asked twice, then no more");
}

#[tokio::test]
async fn clock_of_the_service_is_used_when_it_differs() {
    let Some(peer) = Peer::start().await else { return };
    for hours in [2, -2] {
        peer.control("settings", &json!({"clock_ahead": hours * 3600})).await;
        let warehouse = peer.open();
        run(&warehouse, &statement("select 1")).await.unwrap();
        // A token that is signed and then ends, as seen from there.
        peer.control("settings", &json!({"clock_ahead": hours * 3600 + 3400})).await;
        run(&warehouse, &statement("select 1")).await.unwrap();
    }
}

#[tokio::test]
async fn tokens_that_something_else_keeps_are_sent_as_what_they_are() {
    let Some(peer) = Peer::start().await else { return };
    peer.control("tokens", &json!({"o": "OAUTH", "p": "PROGRAMMATIC_ACCESS_TOKEN"})).await;
    for (flow, token) in [("oauth", "o"), ("programmatic_token", "p")] {
        let mut settings = peer.settings();
        settings["auth"] = json!({"flow": flow, "token": "env:TOKEN"});
        let warehouse = peer.open_with(&settings, &[("TOKEN", token)]);
        run(&warehouse, &statement("select 1")).await.unwrap();

        let stale = peer.open_with(&settings, &[("TOKEN", "stale")]);
        let error = run(&stale, &statement("select 1")).await.unwrap_err();
        assert_eq!(error.kind(), PortErrorKind::Denied);
        assert!(!chain(&error).to_string().contains("stale"), "{}", chain(&error));
    }
}
