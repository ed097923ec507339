//! The queue itself.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    BlobStore, Clock, DeadLetter, Delivery, IdempotencyStore, NewMessage, Queue, QueueDepth,
    Random, ReplaySelection, SendOutcome, SystemClock, SystemRandom,
};
use tokio::sync::OnceCell;

use super::address::QueueAddress;
use super::dedupe::Dedupe;
use super::large::{LARGEST, LargeBodies};
use super::redrive::Redrive;
use crate::account::Account;
use crate::fault::Call;

/// The longest body: what SQS takes, but for what stands beside the body.
/// Source: Amazon SQS developer guide, "Message quotas": 1 MiB with all attributes.
pub(super) const MAX_BODY_BYTES: usize = 1_048_576 - 8_192;

/// A queue on SQS.
pub struct SqsQueue {
    pub(super) client: Client,
    pub(super) address: QueueAddress,
    pub(super) name: String,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    pub(super) dedupe: Option<Dedupe>,
    pub(super) large: Option<LargeBodies>,
    redrive: OnceCell<Redrive>,
}

impl SqsQueue {
    /// Uses the queue at `address` of `account` under our own name for it, such as `events`. Nothing
    /// is called yet.
    pub fn new(account: &Account, address: QueueAddress, name: impl Into<String>) -> Self {
        Self {
            client: Client::new(account.config()),
            address,
            name: name.into(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            dedupe: None,
            large: None,
            redrive: OnceCell::new(),
        }
    }

    /// Remembers dedupe keys in `store`. Without it every message is queued.
    #[must_use]
    pub fn with_dedupe(self, store: Arc<dyn IdempotencyStore>) -> Self {
        let dedupe = Some(Dedupe { store, clock: Arc::clone(&self.clock) });
        Self { dedupe, ..self }
    }

    /// Puts bodies above 248 KiB into `store`, under `messages/`, and fetches them from there. Whoever
    /// sends and whoever receives must have the same one, and it must keep them for as long as messages
    /// may lie in the queue and in that of its dead letters.
    #[must_use]
    pub fn with_large_bodies(self, store: Arc<dyn BlobStore>) -> Self {
        Self { large: Some(LargeBodies::new(store)), ..self }
    }

    pub(super) fn call(&self, operation: &'static str) -> Call<'_> {
        Call::new(operation, &self.name)
    }

    /// Returns the queue of dead letters, which the queue names in its redrive policy.
    pub(super) async fn redrive(&self) -> Result<&Redrive, PortError> {
        self.redrive
            .get_or_try_init(|| async {
                let call = self.call("read redrive policy");
                let name = QueueAttributeName::RedrivePolicy;
                let ask = self.client.get_queue_attributes().queue_url(self.address.url());
                let ask = ask.attribute_names(name.clone());
                let answer = ask.attribute_names(QueueAttributeName::QueueArn).send().await;
                let answer = answer.map_err(|error| call.failed(error))?;
                let told = |name| Some(answer.attributes()?.get(name)?.as_str());
                let arn = told(&QueueAttributeName::QueueArn);
                let redrive = told(&name).and_then(|it| Redrive::read(&self.address, arn, it));
                redrive.ok_or_else(|| {
                    call.fault(PortErrorKind::Rejected).with_source(
                        "the queue has no redrive policy: give it a queue for dead letters",
                    )
                })
            })
            .await
    }

    /// Counts the messages of the queue at `address`: ready, in flight, delayed.
    pub(super) async fn counts(&self, address: &QueueAddress) -> Result<[u64; 3], PortError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let ask = self.client.get_queue_attributes().queue_url(address.url());
        let answer = ask.set_attribute_names(Some(names.to_vec())).send().await;
        let answer = answer.map_err(|error| self.call("count").failed(error))?;
        let count = |name| answer.attributes()?.get(name)?.parse().ok();
        Ok(names.each_ref().map(|name| count(name).unwrap_or_default()))
    }
}

#[async_trait]
impl Queue for SqsQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<SendOutcome>, PortError> {
        self.send_batch(batch).await
    }

    async fn receive(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        self.receive_up_to(max, visibility, wait).await
    }

    async fn extend(&self, delivery: &Delivery, visibility: Duration) -> Result<(), PortError> {
        self.hide(delivery, visibility, "extend").await
    }

    async fn ack(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        self.delete(deliveries).await
    }

    async fn release(
        &self,
        delivery: &Delivery,
        delay: Duration,
        reason: &str,
    ) -> Result<(), PortError> {
        // SQS itself keeps no reason: whoever gives the last attempt back sets the message aside.
        if delivery.attempt >= self.redrive().await?.max_attempts.get() {
            return self.set_aside(delivery, reason).await;
        }
        self.hide_if_held(delivery, delay, "release").await.map(|_| ())
    }

    async fn give_back(&self, delivery: &Delivery, delay: Duration) -> Result<(), PortError> {
        self.hide_if_held(delivery, delay, "give back").await.map(|_| ())
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), PortError> {
        self.set_aside(delivery, reason).await
    }

    /// Counts as SQS does: approximately, and without telling when the oldest was sent.
    async fn depth(&self) -> Result<QueueDepth, PortError> {
        let dead = &self.redrive().await?.dead;
        let [n_ready, n_in_flight, n_delayed] = self.counts(&self.address).await?;
        let n_dead = self.counts(dead).await?.into_iter().sum();
        Ok(QueueDepth { n_ready, n_in_flight, n_delayed, n_dead, oldest_sent_at: None })
    }

    async fn dead_letters(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        self.list_dead(after, limit).await
    }

    async fn replay(&self, selection: ReplaySelection) -> Result<u64, PortError> {
        self.replay_dead(&selection).await
    }

    async fn unpack(&self, body: String) -> Result<String, PortError> {
        self.unpacked(&body).await.map(std::borrow::Cow::into_owned)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn max_body_bytes(&self) -> usize {
        if self.large.is_some() { LARGEST } else { MAX_BODY_BYTES }
    }
}
