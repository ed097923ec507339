//! Topics on SNS.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sns::Client;
use aws_sdk_sns::error::BuildError;
use aws_sdk_sns::types::{BatchResultErrorEntry, MessageAttributeValue, PublishBatchRequestEntry};
use shared::error::{PortError, PortErrorKind};
use shared::ports::topic::{Publication, Published, Topic, fault_of};
use shared::ports::{Random, SystemRandom};
use tokio::time::sleep;
use url::Url;

use crate::account::Account;
use crate::fault::{Call, kind};
use crate::sqs::attributes::{GROUP, TRACE_PARENT, is_taken};
use crate::sqs::short;

/// Messages in one request. Source: API reference of SNS, `PublishBatch`.
const N_REQUEST: usize = 10;
/// Bytes in one request, and in one message, with all attributes. Source: as above.
const MAX_BYTES: usize = 262_144;
/// What may stand beside a body: our own attributes.
const BESIDE_BYTES: usize = 2_048;
/// How often those of a request are sent again that SNS took not.
const N_ATTEMPTS: u32 = 4;

/// A topic on SNS. A queue that listens by raw delivery gets body and attributes as they are.
///
/// Only a topic whose name ends in `.fifo` keeps groups in order, and remembers dedupe keys, for five
/// minutes.
pub struct SnsTopic {
    client: Client,
    arn: String,
    name: String,
    random: Arc<dyn Random>,
}

impl SnsTopic {
    /// Publishes to the topic at `sns:ARN`, such as `sns:arn:aws:sns:eu-west-1:123456789012:changes`;
    /// `None` when that is no ARN of a topic. Nothing is called yet.
    pub fn of(account: &Account, address: &Url) -> Option<Self> {
        let arn = address.path();
        let parts: Vec<&str> = arn.split(':').collect();
        let &["arn", _, "sns", region, number, name] = parts.as_slice() else { return None };
        if [region, number, name].iter().any(|it| it.is_empty()) {
            return None;
        }
        Some(Self {
            client: Client::new(account.config()),
            arn: arn.to_owned(),
            name: name.to_owned(),
            random: Arc::new(SystemRandom),
        })
    }

    fn call(&self) -> Call<'_> {
        Call::new("publish", &self.name)
    }

    fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    fn check(&self, message: &Publication) -> Option<PortError> {
        let fault =
            |text: String| Some(self.call().fault(PortErrorKind::Rejected).with_source(text));
        if let Some(text) = fault_of(message) {
            return fault(text.to_owned());
        }
        let n_bytes = n_bytes(message);
        if n_bytes > MAX_BYTES {
            return fault(format!("a message of {n_bytes} bytes: SNS takes {MAX_BYTES}"));
        }
        let mut texts = message.attributes.values().chain([&message.body]);
        if !texts.all(|it| it.chars().all(is_taken)) {
            return fault("a control character: queues on SQS take none".to_owned());
        }
        None
    }

    fn entry(
        &self,
        place: usize,
        it: &Publication,
    ) -> Result<PublishBatchRequestEntry, BuildError> {
        let ours = [(GROUP, it.group.as_ref()), (TRACE_PARENT, it.trace_parent.as_ref())];
        let ours = ours.into_iter().filter_map(|(name, value)| Some((name, value?.as_str())));
        let given = it.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut entry = PublishBatchRequestEntry::builder().id(place.to_string()).message(&it.body);
        for (name, value) in given.chain(ours) {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value);
            entry = entry.message_attributes(name, value.build()?);
        }
        if self.is_fifo() {
            let own = || format!("{:032x}", self.random.bits());
            let or_own = |it: &Option<String>| it.as_deref().map_or_else(own, short);
            entry = entry
                .message_group_id(or_own(&it.group))
                .message_deduplication_id(or_own(&it.dedupe_key));
        }
        entry.build()
    }

    /// Sends one message by itself, and returns why it was refused.
    async fn send_one(
        &self,
        entry: &PublishBatchRequestEntry,
    ) -> Result<Option<PortError>, PortError> {
        let text = |it: Option<&str>| it.map(str::to_owned);
        let request = self.client.publish().topic_arn(&self.arn).message(entry.message());
        let sent = request
            .set_message_attributes(entry.message_attributes().cloned())
            .set_message_group_id(text(entry.message_group_id()))
            .set_message_deduplication_id(text(entry.message_deduplication_id()))
            .send()
            .await;
        match sent.map_err(|error| self.call().failed(error)) {
            Ok(_) => Ok(None),
            Err(error) if error.kind() == PortErrorKind::Rejected => Ok(Some(error)),
            Err(error) => Err(error),
        }
    }

    /// Sends one request, and those of it again that were not taken for a fault of SNS. Returns why
    /// messages were refused, by their place.
    async fn send_request(
        &self,
        mut entries: Vec<PublishBatchRequestEntry>,
    ) -> Result<Vec<(String, PortError)>, PortError> {
        if let [entry] = entries.as_slice() {
            let refused = self.send_one(entry).await?;
            return Ok(refused.map(|error| (entry.id().to_owned(), error)).into_iter().collect());
        }
        let call = self.call();
        let mut refused = Vec::new();
        for attempt in 1.. {
            let request = self.client.publish_batch().topic_arn(&self.arn);
            let answer = request.set_publish_batch_request_entries(Some(entries.clone()));
            let answer = answer.send().await.map_err(|error| call.failed(error))?;
            let mut again = HashSet::new();
            for fault in answer.failed() {
                if fault.sender_fault() || attempt == N_ATTEMPTS {
                    refused.push((fault.id().to_owned(), self.refusal(fault)));
                } else {
                    again.insert(fault.id().to_owned());
                }
            }
            entries.retain(|it| again.contains(it.id()));
            if entries.is_empty() {
                break;
            }
            sleep(Duration::from_millis(50 << attempt)).await;
        }
        Ok(refused)
    }

    fn refusal(&self, fault: &BatchResultErrorEntry) -> PortError {
        let status = if fault.sender_fault() { 400 } else { 503 };
        let text = format!("{}: {}", fault.code(), fault.message().unwrap_or_default());
        self.call().fault(kind(Some(fault.code()), Some(status))).with_source(text)
    }
}

/// What SNS counts: the body, and names, types and values of attributes.
fn n_bytes(message: &Publication) -> usize {
    let attributes = message.attributes.iter();
    let n_bytes: usize = attributes.map(|(name, value)| name.len() + value.len() + 6).sum();
    message.body.len() + n_bytes + BESIDE_BYTES
}

/// Returns how many of `messages` one request takes; at least one.
fn n_of_request(messages: &[(usize, &Publication)]) -> usize {
    let mut sum = 0;
    let fits = |(_, it): &&(usize, &Publication)| {
        sum += n_bytes(it);
        sum <= MAX_BYTES
    };
    messages.iter().take(N_REQUEST).take_while(fits).count().max(1)
}

#[async_trait]
impl Topic for SnsTopic {
    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>, PortError> {
        let mut outcomes: Vec<Published> = batch
            .iter()
            .map(|it| self.check(it).map_or(Published::Taken, Published::Refused))
            .collect();
        let good = |(_, (_, outcome)): &(usize, (&Publication, &Published))| {
            matches!(outcome, Published::Taken)
        };
        let messages: Vec<(usize, &Publication)> = batch
            .iter()
            .zip(&outcomes)
            .enumerate()
            .filter(good)
            .map(|(place, (message, _))| (place, message))
            .collect();
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(n_of_request(rest));
            let entries = now.iter().map(|(place, it)| self.entry(*place, it));
            let entries: Result<Vec<_>, BuildError> = entries.collect();
            let entries = entries
                .map_err(|error| self.call().fault(PortErrorKind::Rejected).with_source(error))?;
            for (place, fault) in self.send_request(entries).await? {
                let place = place.parse().unwrap_or(usize::MAX);
                if let Some(outcome) = outcomes.get_mut(place) {
                    *outcome = Published::Refused(fault);
                }
            }
            rest = later;
        }
        Ok(outcomes)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn max_body_bytes(&self) -> usize {
        MAX_BYTES - BESIDE_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_takes_ten_messages_or_a_quarter_of_a_mebibyte() {
        let small = Publication { body: "x".to_owned(), ..Publication::default() };
        let large = Publication { body: "x".repeat(200_000), ..Publication::default() };
        assert_eq!(n_of_request(&[(0, &small); 25]), 10);
        assert_eq!(n_of_request(&[(0, &large), (1, &large)]), 1);
    }
}
