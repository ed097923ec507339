//! SQS batches: each record read alone, and only the failed ones reported.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use shared::telemetry::trace::TraceParent;
use shared::time::Timestamp;
use shared::worker::{BatchReport, Message, MessageHandler, run_batch_while};
use tracing::error;

use super::event::last_part;
use super::settle::{InHand, Settle};

/// Groups handled side by side.
const WIDTH: usize = 10;

/// What Lambda expects of a function that reports partial failures.
/// Source: AWS Lambda developer guide, "Handling errors for an SQS event source".
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchResponse {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// A batch, read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// The queue's name, from the first record that says so.
    pub(crate) queue: Option<String>,
    /// The records that could be read.
    pub(crate) messages: Vec<Message>,
    /// What the queue must know of each of them.
    in_hand: HashMap<String, InHand>,
    /// The ids of those that could not.
    pub(crate) unreadable: Vec<String>,
}

/// A record that not even names itself: it cannot be reported alone.
#[derive(Debug, thiserror::Error)]
#[error("a record of the batch has no `messageId`")]
pub(crate) struct Nameless;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    #[serde(default)]
    receipt_handle: String,
    body: String,
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    message_attributes: MessageAttributes,
    #[serde(rename = "eventSourceARN", default)]
    event_source_arn: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes {
    approximate_receive_count: Option<String>,
    sent_timestamp: Option<String>,
    message_group_id: Option<String>,
    /// The X-Ray header. Source: Amazon SQS developer guide, "Message system attributes".
    #[serde(rename = "AWSTraceHeader")]
    aws_trace_header: Option<String>,
}

/// The attributes that our own queue adds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageAttributes {
    group: Option<TextAttribute>,
    traceparent: Option<TextAttribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TextAttribute {
    string_value: Option<String>,
}

impl Record {
    /// Returns the group: as it was sent, else as the queue keeps it.
    fn group(&self) -> Option<String> {
        let ours = self.message_attributes.group.as_ref().and_then(|it| it.string_value.clone());
        ours.or_else(|| self.attributes.message_group_id.clone())
    }

    fn in_hand(&self) -> InHand {
        let sent_at = self.attributes.sent_timestamp.as_deref().and_then(|it| it.parse().ok());
        InHand {
            receipt: self.receipt_handle.clone(),
            sent_at: sent_at.map_or(Timestamp::EPOCH, Timestamp::from_millis),
        }
    }

    /// Returns the trace that the message was sent with: ours, else that of the platform.
    fn trace_parent(&self) -> Option<String> {
        let ours = self.message_attributes.traceparent.as_ref();
        let ours = ours.and_then(|it| TraceParent::parse(it.string_value.as_deref()?));
        let header = self.attributes.aws_trace_header.as_deref();
        ours.or_else(|| TraceParent::of_x_ray(header?)).map(String::from)
    }
}

impl Batch {
    /// Reads `records` one by one.
    ///
    /// # Errors
    ///
    /// [`Nameless`] when a record cannot be reported: then all must come again.
    pub(crate) fn read(records: &[&RawValue]) -> Result<Self, Nameless> {
        let mut batch = Self::default();
        for raw in records {
            match serde_json::from_str::<Record>(raw.get()) {
                Ok(record) => {
                    let arn = record.event_source_arn.as_deref();
                    let name = arn.map(last_part).map(str::to_owned);
                    batch.queue = batch.queue.take().or(name);
                    batch.in_hand.insert(record.message_id.clone(), record.in_hand());
                    batch.messages.push(Message {
                        trace_parent: record.trace_parent(),
                        group: record.group(),
                        id: record.message_id,
                        body: record.body,
                        attempt: record
                            .attributes
                            .approximate_receive_count
                            .and_then(|count| count.parse().ok())
                            .unwrap_or(1),
                    });
                }
                Err(error) => {
                    let id = id_of(raw).ok_or(Nameless)?;
                    error!(message.id = %id, %error, "record `{id}` cannot be read");
                    batch.unreadable.push(id);
                }
            }
        }
        Ok(batch)
    }

    /// Handles the messages and says which records must come again; begins none any more once
    /// `has_time` says no.
    ///
    /// What failed is settled on the queue, where `settle` knows it, and reported all the same: Lambda
    /// removes what is not reported, and a report of what is gone already changes nothing.
    pub(crate) async fn handle(
        self,
        handler: &dyn MessageHandler,
        settle: &Settle,
        has_time: &(dyn Fn() -> bool + Send + Sync),
    ) -> BatchResponse {
        let kept: HashMap<String, Message> = match settle.is_on() {
            true => self.messages.iter().map(|it| (it.id.clone(), it.clone())).collect(),
            false => HashMap::new(),
        };
        let handler = settle.unpacking(handler);
        let report = run_batch_while(&handler, self.messages, WIDTH, has_time).await;
        let BatchReport { failed, not_begun } = report;
        for (id, failure) in &failed {
            settle.failed(id, kept.get(id).zip(self.in_hand.get(id)), failure).await;
        }
        for id in &not_begun {
            settle.not_begun(kept.get(id).zip(self.in_hand.get(id))).await;
        }
        let failed = failed.into_iter().map(|(id, _)| id).chain(not_begun).chain(self.unreadable);
        let batch_item_failures =
            failed.map(|item_identifier| ItemFailure { item_identifier }).collect();
        BatchResponse { batch_item_failures }
    }
}

fn id_of(raw: &RawValue) -> Option<String> {
    let record: Value = serde_json::from_str(raw.get()).ok()?;
    record.get("messageId")?.as_str().filter(|id| !id.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use shared::worker::Failure;

    use super::*;

    struct Script;

    #[async_trait]
    impl MessageHandler for Script {
        async fn handle(&self, message: &Message) -> Result<(), Failure> {
            match message.body.as_str() {
                "never" => Err(Failure::permanent("no")),
                "later" => Err(Failure::transient("busy")),
                _ => Ok(()),
            }
        }
    }

    async fn handle(batch: Batch) -> BatchResponse {
        batch.handle(&Script, &Settle::default(), &|| true).await
    }

    fn read(records: &str) -> Result<Batch, Nameless> {
        Batch::read(&serde_json::from_str::<Vec<&RawValue>>(records).unwrap())
    }

    #[test]
    fn record_gives_its_attempt_group_and_queue() {
        let batch = read(
            r#"[{"messageId":"m1","body":"{}","eventSource":"aws:sqs",
            "eventSourceARN":"arn:aws:sqs:eu-west-1:1:dev-events.fifo",
            "attributes":{"ApproximateReceiveCount":"4","MessageGroupId":"g"}}]"#,
        )
        .unwrap();
        assert_eq!(batch.queue.as_deref(), Some("dev-events.fifo"));
        let message = Message {
            id: "m1".into(),
            body: "{}".into(),
            group: Some("g".into()),
            attempt: 4,
            trace_parent: None,
        };
        assert_eq!(batch.messages, [message]);
    }

    #[test]
    fn record_gives_its_trace_and_ours_goes_before_the_platforms() {
        let batch = read(
            r#"[{"messageId":"1","body":"","messageAttributes":{"traceparent":{"stringValue":
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","dataType":"String"}},
            "attributes":{"AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8"}},
            {"messageId":"2","body":"",
            "attributes":{"AWSTraceHeader":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}]"#,
        )
        .unwrap();
        let traces: Vec<_> = batch.messages.iter().map(|it| it.trace_parent.as_deref()).collect();
        assert_eq!(
            traces,
            [
                Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
                Some("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"),
            ]
        );
    }

    #[tokio::test]
    async fn bad_record_and_failed_messages_are_reported_and_the_rest_is_done() {
        let batch = read(
            r#"[{"messageId":"1","body":"ok"},{"messageId":"2","body":null},
            {"messageId":"3","body":"never"},{"messageId":"4","body":"later"}]"#,
        )
        .unwrap();
        let response = serde_json::to_value(handle(batch).await).unwrap();
        let mut ids: Vec<_> = response["batchItemFailures"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["itemIdentifier"].as_str().unwrap())
            .collect();
        ids.sort_unstable();
        assert_eq!(ids, ["2", "3", "4"]);
    }

    #[tokio::test]
    async fn whole_success_is_an_empty_list() {
        let response = read(r#"[{"messageId":"1","body":"ok"}]"#).unwrap();
        let response = handle(response).await;
        assert_eq!(serde_json::to_string(&response).unwrap(), r#"{"batchItemFailures":[]}"#);
    }

    #[test]
    fn record_without_an_id_fails_the_batch_rather_than_being_lost() {
        assert!(read(r#"[{"messageId":"1","body":"ok"},{"body":"x"}]"#).is_err());
        assert!(read(r#"[{"messageId":"","body":7}]"#).is_err());
    }
}
