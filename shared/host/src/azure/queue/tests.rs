//! Envelopes as the host's own tests and its documentation show them.

use async_trait::async_trait;
use axum::body::to_bytes;

use super::*;

struct Script;

#[async_trait]
impl MessageHandler for Script {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        match message.body.as_str() {
            "never" => Err(Failure::permanent("no such object")),
            "later" => Err(Failure::transient("store is busy")),
            "boom" => panic!("boom"),
            _ => Ok(()),
        }
    }
}

fn invocation(json: Value) -> Invocation {
    serde_json::from_value(json).unwrap()
}

async fn answer(json: Value) -> (StatusCode, Value) {
    let metrics = QueueMetrics::of("events");
    let response = handle(&Script, &metrics, &invocation(json), "inv-1").await;
    let status = response.status();
    let body = to_bytes(response.into_body(), 65_536).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn storage_queue_message_is_read_through_both_levels() {
    let messages = messages_of(
        &invocation(json!({
            "Data": {"msg": "\"{\\\"event_id\\\":\\\"e1\\\"}\""},
            "Metadata": {"DequeueCount": "2", "Id": "\"800ae4b3\"", "sys": {"MethodName": "queueIn"}},
        })),
        "inv-1",
    );
    let expected = Message {
        id: "800ae4b3".into(),
        body: r#"{"event_id":"e1"}"#.into(),
        group: None,
        attempt: 2,
        trace_parent: None,
    };
    assert_eq!(messages, [expected]);
}

#[test]
fn documented_single_encoding_with_bare_numbers_is_read_too() {
    let messages = messages_of(
        &invocation(json!({
            "Data": {"msg": "{\"event_id\":\"e1\"}"},
            "Metadata": {"DeliveryCount": 4, "MessageId": "m1", "SessionId": "a"},
        })),
        "inv-1",
    );
    assert_eq!(messages[0].body, r#"{"event_id":"e1"}"#);
    assert_eq!((messages[0].id.as_str(), messages[0].attempt), ("m1", 4));
    assert_eq!(messages[0].group.as_deref(), Some("a"));
}

#[test]
fn one_message_whose_body_is_a_list_stays_one_message() {
    let messages = messages_of(
        &invocation(json!({"Data": {"msg": "\"[1,2]\""}, "Metadata": {"Id": "m1"}})),
        "inv-1",
    );
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].body, "[1,2]");
}

#[test]
fn cardinality_many_is_one_message_per_element() {
    let messages = messages_of(
        &invocation(json!({
            "Data": {"msg": "[\"{\\\"n\\\":1}\",\"two\"]"},
            "Metadata": {"MessageIdArray": "[\"a\",\"b\"]", "DeliveryCountArray": [1, 3]},
        })),
        "inv-1",
    );
    let got: Vec<_> =
        messages.iter().map(|it| (it.id.as_str(), it.body.as_str(), it.attempt)).collect();
    assert_eq!(got, [("a", "{\"n\":1}", 1), ("b", "two", 3)]);
}

#[tokio::test]
async fn success_is_never_an_empty_answer() {
    let (status, body) = answer(json!({"Data": {"msg": "ok"}, "Metadata": {"Id": "m1"}})).await;
    assert_eq!(status, StatusCode::OK);
    assert!(body["Outputs"].is_object() && body["Logs"].is_array(), "{body}");
    assert!(body.as_object().unwrap().contains_key("ReturnValue"));
}

#[tokio::test]
async fn failure_that_may_pass_answers_500_with_the_reason() {
    let (status, body) = answer(json!({"Data": {"msg": "later"}, "Metadata": {"Id": "m1"}})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(body["detail"], "message `m1` failed: store is busy");
}

#[tokio::test]
async fn panic_answers_500() {
    let (status, _) = answer(json!({"Data": {"msg": "boom"}, "Metadata": {"Id": "m1"}})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn permanent_failure_is_parked_as_an_object() {
    let metadata = json!({"Id": "m1", "DequeueCount": "3"});
    let (status, body) = answer(json!({"Data": {"msg": "never"}, "Metadata": metadata})).await;
    assert_eq!(status, StatusCode::OK);
    let parked = &body["Outputs"]["parked"];
    assert_eq!(parked["reason"], "no such object");
    assert_eq!(parked["message_id"], "m1");
    assert_eq!(parked["attempts"], 3);
    assert_eq!(parked["body"], "never");
}

#[tokio::test]
async fn one_retryable_message_of_many_brings_the_whole_batch_again() {
    let data = json!({"msg": "[\"ok\",\"never\",\"later\"]"});
    let (status, body) = answer(json!({"Data": data, "Metadata": {}})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.get("Outputs").is_none(), "{body}");
}

#[tokio::test]
async fn two_poisoned_messages_of_many_are_parked_one_by_one() {
    let data = json!({"msg": "[\"never\",\"ok\",\"never\"]"});
    let (status, body) = answer(json!({"Data": data, "Metadata": {}})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["Outputs"]["parked"].as_array().unwrap().len(), 2);
}
