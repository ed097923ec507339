//! One trace from the webhook to the committed row, in a collector that others wrote.

use serde_json::{Value, json};

use crate::collector::{Collector, Span};
use crate::firm::Firm;
use crate::moodbridge::{BINARY, Moodbridge};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

fn webhook(record_id: &str) -> Value {
    json!({
        "ChangeEventHeader": {
            "entityName": "Case", "recordIds": [record_id], "changeType": "GAP_UPDATE",
            "changeOrigin": "", "transactionKey": "t-1", "sequenceNumber": 1,
            "commitTimestamp": 1_780_000_000_000_i64, "commitNumber": 1_780_000_000_000_i64,
            "commitUser": "0055f000005mc66AAA", "changedFields": [],
        },
    })
}

/// Tells whether a pass over the cases has ended.
fn cases_were_read(runs: &Value) -> bool {
    let mut runs = runs["items"].as_array().into_iter().flatten();
    runs.any(|run| run["object"] == "Case" && run["outcome"] == "succeeded")
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|it| it.name == name).unwrap_or_else(|| panic!("no `{name}`: {spans:#?}"))
}

/// Tells whether `span` stands somewhere below `root`.
fn is_below(spans: &[Span], span: &Span, root: &Span) -> bool {
    let mut parent = span.parent_id.as_str();
    while let Some(next) = spans.iter().find(|it| it.id == parent) {
        if next.id == root.id {
            return true;
        }
        parent = &next.parent_id;
    }
    false
}

#[tokio::test]
async fn one_trace_leads_from_the_webhook_to_the_committed_row() {
    let Some(collector) = Collector::start().await else { return };
    let mut command = std::process::Command::new(BINARY);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    let firm = Firm::start_by(command, &["--empty", "--poll-every", "1h", "--no-webhooks"]).await;
    // The poller reads the org once at the start: what it brings, the webhook would not write again.
    let limit = std::time::Duration::from_secs(20);
    firm.moodbridge.wait_for("/v1/sync-runs", limit, cases_were_read).await;
    let id = firm.create("Case", json!({"Subject": "Traced"})).await;
    let answer = firm
        .moodbridge
        .client
        .post(format!("{}{}", firm.moodbridge.url, firm.changes_path()))
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .json(&webhook(&id))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    // Without an id of its own, the caller finds everything under the id of its trace.
    assert_eq!(answer.headers()["x-correlation-id"], TRACE);

    let is_whole = |spans: &[Span]| spans.iter().any(|it| it.name == "process message");
    let spans = collector.wait_for(TRACE, is_whole).await;

    let request = named(&spans, "POST /hooks/salesforce/changes/{connection}/{token}");
    assert_eq!(request.parent_id, CALLER);
    let sent = named(&spans, "queue.send");
    let handled = named(&spans, "process message");
    let read = named(&spans, "crm.read");
    let committed = named(&spans, "case_store.apply");
    assert!(is_below(&spans, sent, request) && is_below(&spans, handled, request), "{spans:#?}");
    assert!(is_below(&spans, read, handled) && is_below(&spans, committed, handled), "{spans:#?}");
    let call = spans.iter().find(|it| it.kind == "SPAN_KIND_CLIENT");
    assert!(is_below(&spans, call.expect("a call to the platform"), read), "{spans:#?}");
}

#[tokio::test]
async fn collector_that_is_gone_holds_up_nothing() {
    let mut command = std::process::Command::new(BINARY);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
    let mut firm = Firm::start_by(command, &["--empty", "--poll-every", "1h"]).await;
    firm.create("Case", json!({"Subject": "Untraced"})).await;
    let limit = std::time::Duration::from_secs(20);
    let is_there = |it: &Value| it["items"].as_array().is_some_and(|it| !it.is_empty());
    firm.moodbridge.wait_for("/v1/cases", limit, is_there).await;
    let is_refused = |page: &str| page.contains("trace_spans_total{outcome=\"refused\"}");
    wait_for_page(&firm.moodbridge, is_refused).await;
    assert_eq!(firm.moodbridge.stop(), Some(0), "{}", firm.moodbridge.log());
}

async fn wait_for_page(moodbridge: &Moodbridge, wanted: impl Fn(&str) -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let url = format!("{}/metrics", moodbridge.url);
        let page = moodbridge.client.get(url).send().await.unwrap().text().await.unwrap();
        if wanted(&page) {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{page}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
