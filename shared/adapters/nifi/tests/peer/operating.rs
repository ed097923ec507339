//! The flow is looked at, started and stopped, and asked what it said and did.

use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use shared::PortErrorKind;
use shared::ports::dataflow::{
    Dataflow as _, FlowPart, PartId, PartKind, PartReport, Switch, TraceQuery,
};

use crate::nifi_peer::NifiPeer;
use crate::support::{PASSWORD, assert_told, send};

fn part(seen: &Value, name: &str, kind: PartKind) -> FlowPart {
    let id = seen["parts"][name]["id"].as_str().unwrap();
    FlowPart::new(kind, PartId::parse(id).unwrap())
}

fn state_of<'a>(parts: &'a [PartReport], name: &str) -> &'a str {
    &parts.iter().find(|it| it.name == name).unwrap().state
}

#[tokio::test]
async fn group_is_started_looked_at_and_stopped() {
    let Some(peer) = NifiPeer::start() else { return };
    for more in ["", "&group=root"] {
        let flow = peer.dataflow(more, PASSWORD);
        flow.switch(None, Switch::Off).await.unwrap();
        assert_eq!(state_of(&flow.look().await.unwrap().parts, "changes"), "STOPPED");
    }
    let group = peer.seen().await["group"].as_str().unwrap().to_owned();
    let flow = peer.dataflow(&format!("&group={group}"), PASSWORD);
    peer.run_entrances().await;
    send(&peer.site_to_site()).await.unwrap();

    let report = flow.look().await.unwrap();
    assert_eq!((report.version.as_str(), report.name.as_str()), ("2.12.0", "MoodBridge changes"));
    assert_eq!((report.n_files_queued, report.n_bytes_queued), (1, 7));
    assert_eq!((report.parts.len(), report.queues.len()), (7, 6));
    let first = &report.queues[0];
    assert_eq!((first.from.as_str(), first.n_files, first.percent_full), ("changes", 1, Some(0)));

    flow.switch(None, Switch::On).await.unwrap();
    let report = flow.look().await.unwrap();
    assert!(report.parts.iter().all(|it| it.state == "RUNNING"), "{report:?}");
    assert_eq!(report.n_files_queued, 0);
}

#[tokio::test]
async fn parts_and_services_are_switched_and_a_second_time_changes_nothing() {
    let Some(peer) = NifiPeer::start() else { return };
    let flow = peer.dataflow("", PASSWORD);
    let seen = peer.seen().await;
    let group =
        FlowPart::new(PartKind::Services, PartId::parse(seen["group"].as_str().unwrap()).unwrap());
    for (part, on, off) in [
        (part(&seen, "changes", PartKind::InputPort), "RUNNING", "STOPPED"),
        (part(&seen, "cases", PartKind::OutputPort), "RUNNING", "STOPPED"),
        (part(&seen, "Take by HTTP", PartKind::Processor), "RUNNING", "STOPPED"),
        (part(&seen, "Certificates", PartKind::Service), "ENABLED", "DISABLED"),
        (group, "ENABLED", "DISABLED"),
    ] {
        for (to, state) in [(Switch::On, on), (Switch::On, on), (Switch::Off, off)] {
            flow.switch(Some(&part), to).await.unwrap();
            let seen = peer.seen().await;
            let mut parts = seen["parts"].as_object().unwrap().values();
            let is_it = |it: &&Value| match part.kind {
                PartKind::Services => it["kind"] == "controller-services",
                _ => it["id"] == part.id.as_str(),
            };
            assert_eq!(parts.find(is_it).unwrap()["state"], state, "{part:?}");
        }
    }
    assert_eq!(peer.seen().await["n_changes"], 10, "on and off, five times");
}

#[tokio::test]
async fn change_that_another_came_before_is_made_on_what_that_one_left() {
    let Some(peer) = NifiPeer::start() else { return };
    let flow = peer.dataflow("", PASSWORD);
    let port = part(&peer.seen().await, "changes", PartKind::InputPort);

    peer.set(json!({"n_meddling": 2})).await;
    flow.switch(Some(&port), Switch::On).await.unwrap();
    assert_eq!(peer.seen().await["parts"]["changes"]["state"], "RUNNING");

    peer.set(json!({"n_meddling": 3})).await;
    let error = flow.switch(Some(&port), Switch::Off).await.unwrap_err();
    assert_told(&error, PortErrorKind::Conflict, "is not the most up-to-date revision");
    assert_eq!(peer.seen().await["parts"]["changes"]["state"], "RUNNING");
}

#[tokio::test]
async fn part_that_cannot_run_says_why() {
    let Some(peer) = NifiPeer::start() else { return };
    let flow = peer.dataflow("", PASSWORD);
    peer.part("Take by HTTP", "faults", json!(["'Listening Port' is invalid"])).await;
    let listener = part(&peer.seen().await, "Take by HTTP", PartKind::Processor);

    let error = flow.switch(Some(&listener), Switch::On).await.unwrap_err();
    assert_told(&error, PortErrorKind::Conflict, "HTTP 409: Take by HTTP cannot be started");
    let report = flow.look().await.unwrap();
    let found = report.parts.iter().find(|it| it.part == listener).unwrap();
    assert_eq!((found.state.as_str(), found.faults.len()), ("INVALID", 1));
}

#[tokio::test]
async fn bulletins_are_read_once_each_in_their_order() {
    let Some(peer) = NifiPeer::start() else { return };
    let group = peer.seen().await["group"].as_str().unwrap().to_owned();
    let flow = peer.dataflow(&format!("&group={group}"), PASSWORD);
    for number in 0..30 {
        peer.control("say", &json!(["ERROR", format!("no {number}")])).await;
    }
    let all: Vec<_> = flow.bulletins(None).try_collect().await.unwrap();
    assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), (0..30).collect::<Vec<_>>());
    assert_eq!((all[3].level.as_str(), all[3].message.as_str()), ("ERROR", "no 3"));
    let rest: Vec<_> = flow.bulletins(Some(27)).try_collect().await.unwrap();
    assert_eq!(rest.iter().map(|it| it.id).collect::<Vec<_>>(), [28, 29]);
    let none: Vec<_> = flow.bulletins(Some(29)).try_collect().await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test]
async fn search_leaves_nothing_behind_whatever_becomes_of_it() {
    let Some(peer) = NifiPeer::start() else { return };
    peer.run_entrances().await;
    for _ in 0..3 {
        send(&peer.site_to_site()).await.unwrap();
    }
    let flow = peer.dataflow("", PASSWORD);
    let port = part(&peer.seen().await, "changes", PartKind::InputPort);
    let query = TraceQuery { part: Some(port.id), n_most: 2, ..TraceQuery::default() };
    let events = flow.trace(&query).await.unwrap();
    assert_eq!(events.iter().map(|it| it.id).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((events[0].kind.as_str(), events[0].part.as_str()), ("RECEIVE", "changes"));
    let flow_file = PartId::parse(events[0].flow_file.as_str()).unwrap();
    let of_file = TraceQuery { flow_file: Some(flow_file), n_most: 9, ..TraceQuery::default() };
    assert_eq!(flow.trace(&of_file).await.unwrap().len(), 1);

    peer.set(json!({"search_errors": ["the repository is gone"]})).await;
    let error = flow.trace(&query).await.unwrap_err();
    assert_told(&error, PortErrorKind::Unavailable, "the repository is gone");
    let fault = json!([{"match": "GET /nifi-api/provenance", "count": 9, "status": 500}]);
    peer.fail(fault).await;
    let error = flow.trace(&query).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::Unavailable);
    let seen = peer.seen().await;
    assert_eq!((&seen["n_searches"], &seen["n_searches_open"]), (&json!(4), &json!(0)));
}
