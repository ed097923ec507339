//! A topic: what is published there goes to everybody who listens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::queue::{NewMessage, Queue};
use crate::error::{PortError, PortErrorKind};

/// A message for everybody who listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The text, at most [`Topic::max_body_bytes`] long with its attributes.
    pub body: String,
    /// What subscriptions choose by, at most [`MAX_ATTRIBUTES`]: neither names nor values may be empty.
    pub attributes: BTreeMap<String, String>,
    /// Messages of one group arrive in the order published, where the topic has groups.
    pub group: Option<String>,
    /// A second message with this key is dropped, where the topic remembers the first.
    pub dedupe_key: Option<String>,
    /// The trace it belongs to, as a W3C `traceparent`.
    pub trace_parent: Option<String>,
}

/// Attributes that a message may have. Source: Amazon SNS developer guide, "Raw message delivery": a
/// queue takes ten, and two are ours.
pub const MAX_ATTRIBUTES: usize = 8;

/// What became of one message.
#[derive(Debug)]
pub enum Published {
    /// The topic has it, durably, and hands it on.
    Taken,
    /// It was not taken; its fault says whether another try can help.
    Refused(PortError),
}

/// Hands each message to everybody who listens, at least once. Who listens, and to which messages, is
/// set up outside.
///
/// # Contract
///
/// - [`publish`](Topic::publish) returns one outcome a message, in their order. One that is refused
///   keeps no other from being taken.
/// - What was taken reaches every subscription whose filter its attributes meet, and no other.
/// - When `publish` fails as a whole, part of the batch may have been taken: publish all of it again.
///
/// `shared::ports::topic_contract` checks these for every adapter. Order and memory of keys bind only
/// where the platform has them.
#[async_trait]
pub trait Topic: Send + Sync {
    /// Publishes a batch.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>, PortError>;

    /// Returns the topic's name, such as `changes`.
    fn name(&self) -> &str;

    /// Returns the longest message the platform takes, in bytes, with all attributes.
    fn max_body_bytes(&self) -> usize;
}

/// Says why a message cannot be published whatever the platform; `None` when it can.
pub fn fault_of(message: &Publication) -> Option<&'static str> {
    if message.body.is_empty() {
        return Some("an empty body: write something");
    }
    if message.attributes.len() > MAX_ATTRIBUTES {
        return Some("more than 8 attributes: leave some out");
    }
    let is_empty = |(name, value): (&String, &String)| name.is_empty() || value.is_empty();
    message.attributes.iter().any(is_empty).then_some("an attribute that is empty: leave it out")
}

/// The longest message of a topic in memory.
const MAX_BODY_BYTES: usize = 262_144;

/// A topic in the memory of this process.
pub struct MemoryTopic {
    name: String,
    subscriptions: Mutex<Vec<Subscription>>,
    keys: Mutex<BTreeSet<String>>,
}

/// A queue, and which values an attribute must have for it.
#[derive(Clone)]
struct Subscription {
    queue: Arc<dyn Queue>,
    filter: Option<(String, Vec<String>)>,
}

impl MemoryTopic {
    /// Makes a topic that nobody listens to.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), subscriptions: Mutex::default(), keys: Mutex::default() }
    }

    /// Has every message sent to `queue`, or only those whose attribute has one of the values of
    /// `filter`.
    pub fn subscribe(&self, queue: Arc<dyn Queue>, filter: Option<(String, Vec<String>)>) {
        let mut subscriptions = self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner);
        subscriptions.push(Subscription { queue, filter });
    }

    fn is_news(&self, message: &Publication) -> bool {
        let Some(key) = &message.dedupe_key else { return true };
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone())
    }

    async fn publish_one(&self, message: Publication) -> Result<(), PortError> {
        let fault = |text: &'static str| {
            let kind = PortErrorKind::Rejected;
            Err(PortError::new(kind, "memory", "publish", &self.name).with_source(text))
        };
        if let Some(text) = fault_of(&message) {
            return fault(text);
        }
        if message.body.len() > MAX_BODY_BYTES {
            return fault("a message that is too long");
        }
        if !self.is_news(&message) {
            return Ok(());
        }
        let subscriptions =
            self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for Subscription { queue, filter } in subscriptions {
            let is_met = filter.is_none_or(|(name, values)| {
                message.attributes.get(&name).is_some_and(|it| values.contains(it))
            });
            if is_met {
                let Publication { body, group, trace_parent, .. } = message.clone();
                let message = NewMessage { body, group, trace_parent, ..NewMessage::default() };
                queue.send(vec![message]).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Topic for MemoryTopic {
    async fn publish(&self, batch: Vec<Publication>) -> Result<Vec<Published>, PortError> {
        let mut outcomes = Vec::with_capacity(batch.len());
        for message in batch {
            let outcome = self.publish_one(message).await;
            outcomes.push(outcome.map_or_else(Published::Refused, |()| Published::Taken));
        }
        Ok(outcomes)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn max_body_bytes(&self) -> usize {
        MAX_BODY_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::ports::topic_contract::{FILTER, Fixture, Lacks, contract};
    use crate::ports::{MemoryQueue, SystemClock};

    #[tokio::test]
    async fn topic_in_memory_keeps_the_contract() {
        let queue = |name: &str| {
            let attempts = NonZeroU32::new(3).unwrap();
            Arc::new(MemoryQueue::new(name, attempts, Arc::new(SystemClock)))
        };
        let open = async || {
            let (topic, all, some) = (MemoryTopic::new("changes"), queue("all"), queue("some"));
            topic.subscribe(all.clone(), None);
            let (name, value) = FILTER;
            topic.subscribe(some.clone(), Some((name.to_owned(), vec![value.to_owned()])));
            Fixture { topic: Arc::new(topic), all, some }
        };
        contract(Lacks::default(), open).await;
    }
}
