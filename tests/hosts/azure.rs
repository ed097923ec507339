//! The functions as Azure Functions, laid out as they are packaged.

use crate::binaries::{Stores, TOKEN, binary, repository, sample};
use crate::functions_host::{Fault, FunctionsHost, Settled, Written, lay_out};

async fn start(function: &str, stores: &Stores) -> FunctionsHost {
    let app = stores.folder().join("app");
    let source = repository().join("infra/azure-functions");
    lay_out(&app, &source.join("host.json"), &source.join(function), &binary(function));
    FunctionsHost::start(&app, &stores.settings()).await
}

#[tokio::test]
async fn outbound_message_is_queued_and_acknowledged() {
    let stores = Stores::new().await;
    let mut host = start("webhook-intake", &stores).await;
    let message = sample("salesforce/outbound-message-many.xml");
    let path = format!("/hooks/salesforce/outbound/main/{TOKEN}");
    let kind = [("Content-Type", "text/xml; charset=utf-8")];

    let answer = host.request("POST", &path, &kind, message.as_bytes()).await;

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.text().contains("<Ack>true</Ack>"), "{}", answer.text());
    assert!(answer.header("x-correlation-id").is_some());
    host.stop().await;
    assert_eq!(stores.n_queued().await, 3);
}

#[tokio::test]
async fn request_with_a_wrong_token_is_refused() {
    let stores = Stores::new().await;
    let mut host = start("webhook-intake", &stores).await;
    let message = sample("salesforce/outbound-message-one.xml");
    let kind = [("Content-Type", "text/xml; charset=utf-8")];
    let path = "/hooks/salesforce/outbound/main/guess";
    let answer = host.request("POST", path, &kind, message.as_bytes()).await;
    assert!((401..=404).contains(&answer.status), "{}", answer.status);
    host.stop().await;
    assert_eq!(stores.n_queued().await, 0);
}

#[tokio::test]
async fn every_encoding_of_an_event_reaches_the_case_store() {
    let stores = Stores::new().await;
    let mut host = start("sync-worker", &stores).await;
    for name in ["queue-double-encoded", "queue-triple-encoded", "service-bus"] {
        let envelope = sample(&format!("azure/{name}.json"));
        assert_eq!(host.post_envelope("sync-worker", &envelope).await, Ok(()), "{name}");
    }
    assert!(host.written("parked").is_empty());
    assert_eq!(host.n_restarts(), 0);
    host.stop().await;
    let titles = stores.titles().await;
    assert_eq!(titles, ["Estate of M. Okafor", "Harper v. Lindqvist Logistics"]);
}

#[tokio::test]
async fn event_that_can_never_be_applied_is_parked_with_its_reason() {
    let stores = Stores::new().await;
    let mut host = start("sync-worker", &stores).await;
    assert_eq!(host.deliver("sync-worker", "no event at all").await, Settled::Done(1));
    let [Written::Json(parked)] = host.written("parked") else { panic!("not parked") };
    assert_eq!(parked["body"], "no event at all");
    assert!(parked["reason"].as_str().is_some_and(|it| !it.is_empty()), "{parked}");
    host.stop().await;
}

#[tokio::test]
async fn poller_whose_org_is_away_fails_its_tick() {
    let stores = Stores::new().await;
    let mut host = start("delta-poller", &stores).await;
    let Err(Fault::Status(500, problem)) = host.tick("delta-poller").await else {
        panic!("the tick succeeded without an org")
    };
    assert!(problem.contains("\"status\":500"), "{problem}");
    host.stop().await;
}
