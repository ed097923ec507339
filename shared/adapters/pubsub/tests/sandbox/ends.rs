//! Streams that end, places that are forgotten, tokens that are refused.

use std::time::Duration;

use serde_json::json;
use shared::ports::Ledger as _;

use crate::support::{Firm, TOPIC};

#[tokio::test]
async fn stream_that_is_cut_after_any_number_of_events_loses_none() {
    let firm = Firm::start().await;
    let case = firm.create("Case", json!({"Subject": "0"})).await;
    for edit in 1..40 {
        firm.update("Case", &case, json!({"Subject": edit.to_string()})).await;
    }
    // The first cuts come after every single event, later ones further apart.
    for n in [1, 2, 3, 5, 7, 11, 0] {
        firm.order(json!({"cut_after": n})).await;
        let _ = tokio::time::timeout(Duration::from_secs(2), firm.catch_up()).await;
    }
    firm.catch_up().await.unwrap();

    let subjects: Vec<_> =
        firm.events().iter().map(|it| it.fields["Subject"].to_string()).collect();
    let wanted: Vec<_> = (0..40).map(|it| it.to_string()).collect();
    assert_eq!(subjects, wanted);
}

#[tokio::test]
async fn connection_that_is_cut_is_opened_again_from_the_place() {
    let firm = Firm::start().await;
    let _following = firm.follow();
    for n in 0..4 {
        firm.create("Case", json!({"Subject": n.to_string()})).await;
        firm.wait_for(n + 1).await;
        firm.order(json!({"cut": true})).await;
    }
    firm.create("Case", json!({"Subject": "last"})).await;
    firm.wait_for(5).await;
    assert!(firm.sink.gaps.lock().unwrap().is_empty());
}

#[tokio::test]
async fn subscriber_that_is_killed_goes_on_where_it_was() {
    let firm = Firm::start().await;
    for n in 0..10 {
        let following = firm.follow();
        firm.create("Case", json!({"Subject": n.to_string()})).await;
        if n % 2 == 0 {
            firm.wait_for(n + 1).await;
        }
        drop(following);
    }
    firm.catch_up().await.unwrap();
    assert_eq!(firm.events().len(), 10);
}

#[tokio::test]
async fn place_that_is_eighty_hours_old_heals_itself() {
    let firm = Firm::start().await;
    firm.create("Case", json!({"Subject": "1"})).await;
    firm.catch_up().await.unwrap();
    let before = firm.place().await.unwrap();
    firm.create("Case", json!({"Subject": "lost"})).await;
    firm.clock.pass(Duration::from_hours(80));
    firm.create("Case", json!({"Subject": "kept"})).await;

    firm.catch_up().await.unwrap();

    let subjects: Vec<_> =
        firm.events().iter().map(|it| it.fields["Subject"].to_string()).collect();
    assert_eq!(subjects, ["1", "kept"]);
    let gaps = firm.sink.gaps.lock().unwrap().clone();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((gaps[0].topic.as_str(), &gaps[0].object), (TOPIC, &None));
    let known_until = before["at"].as_str().unwrap().parse::<String>().unwrap();
    assert!(gaps[0].since.to_string() < known_until, "{} {known_until}", gaps[0].since);
    let after = firm.place().await.unwrap();
    assert_ne!(after["replay_id"], before["replay_id"]);
}

#[tokio::test]
async fn place_of_another_topic_or_of_nothing_heals_itself() {
    let firm = Firm::start().await;
    firm.create("Case", json!({"Subject": "1"})).await;
    for (revision, replay_id) in ["00", "ffffffffffffffff"].into_iter().enumerate() {
        let place = json!({"replay_id": replay_id, "at": "2026-01-01T00:00:00.000Z"}).to_string();
        let entry = firm.ledger.get("replay/main/data/ChangeEvents").await.unwrap();
        let known = entry.map_or(0, |it| it.revision);
        firm.ledger.put("replay/main/data/ChangeEvents", &place, known).await.unwrap();
        firm.catch_up().await.unwrap();
        assert_eq!(firm.sink.gaps.lock().unwrap().len(), revision + 1);
    }
    assert_eq!(firm.events().len(), 1);
}

#[tokio::test]
async fn refused_token_leads_to_a_new_login() {
    let mut firm = Firm::start().await;
    firm.create("Case", json!({"Subject": "1"})).await;
    firm.end_sessions().await;

    firm.catch_up().await.unwrap();

    assert_eq!(firm.events().len(), 1);
}

#[tokio::test]
async fn spent_allowance_ends_a_bounded_run_with_its_reason() {
    let firm = Firm::start().await;
    firm.order(json!({"refuse": "subscription.limit.exceeded"})).await;
    let error = firm.catch_up().await.unwrap_err();
    let text = shared::chain(&error).to_string();
    assert!(text.contains("subscription.limit.exceeded"), "{text}");
    firm.catch_up().await.unwrap();
}

#[tokio::test]
async fn load_of_events_arrives_whole_under_flow_control() {
    let firm = Firm::start().await;
    let _following = firm.follow();
    let changes: Vec<_> = (0..1500)
        .map(|n| json!({"create": {"object": "Case", "fields": {"Subject": n.to_string()}}}))
        .collect();
    firm.call("POST", "/_sandbox/changes", json!({"changes": changes})).await;
    let events = firm.wait_for(1500).await;
    let subjects: Vec<_> = events.iter().map(|it| it.fields["Subject"].to_string()).collect();
    let wanted: Vec<_> = (0..1500).map(|it| it.to_string()).collect();
    assert_eq!(subjects, wanted);
}
