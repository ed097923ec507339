//! Settling what was received.

use std::time::Duration;

use aws_sdk_sqs::error::{BuildError, SdkError};
use aws_sdk_sqs::operation::change_message_visibility::ChangeMessageVisibilityError;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use shared::error::{PortError, PortErrorKind};
use shared::ports::Delivery;

use super::attributes::{Attributes, DIED_AT, GROUP, ID, N_ATTEMPTS, REASON, SENT_AT, text};
use super::queue::SqsQueue;
use super::receive::{MAX_VISIBILITY, N_ANSWER, seconds};
use crate::fault::kind;

/// How long a message stays hidden while it is set aside.
const SETTING_ASIDE: Duration = Duration::from_secs(60);

impl SqsQueue {
    /// Hides a message for `visibility` from now on; `NotFound` when somebody else may have it.
    pub(super) async fn hide(
        &self,
        delivery: &Delivery,
        visibility: Duration,
        operation: &'static str,
    ) -> Result<(), PortError> {
        if self.hide_if_held(delivery, visibility, operation).await? {
            Ok(())
        } else {
            Err(self.call(operation).fault(PortErrorKind::NotFound))
        }
    }

    /// The same; false when somebody else may have it.
    pub(super) async fn hide_if_held(
        &self,
        delivery: &Delivery,
        visibility: Duration,
        operation: &'static str,
    ) -> Result<bool, PortError> {
        let hide = self
            .client
            .change_message_visibility()
            .queue_url(self.address.url())
            .receipt_handle(&delivery.receipt)
            .visibility_timeout(seconds(visibility.min(MAX_VISIBILITY)));
        match hide.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(self.call(operation).failed(error)),
        }
    }

    pub(super) async fn delete(&self, deliveries: &[Delivery]) -> Result<(), PortError> {
        let call = self.call("ack");
        for some in deliveries.chunks(N_ANSWER as usize) {
            let entry = |(place, it): (usize, &Delivery)| {
                let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
                entry.receipt_handle(&it.receipt).build()
            };
            let entries: Result<Vec<_>, BuildError> = some.iter().enumerate().map(entry).collect();
            let entries =
                entries.map_err(|error| call.fault(PortErrorKind::Rejected).with_source(error))?;
            let delete = self.client.delete_message_batch().queue_url(self.address.url());
            let answer = delete.set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|error| call.failed(error))?;
            // A receipt that is no longer valid is the sender's fault: there is nothing to remove.
            if let Some(fault) = answer.failed().iter().find(|it| !it.sender_fault()) {
                let text = format!("{}: {}", fault.code(), fault.message().unwrap_or_default());
                return Err(call.fault(kind(Some(fault.code()), Some(503))).with_source(text));
            }
        }
        Ok(())
    }

    /// Sends a message to the queue of dead letters with the reason, then removes it here. A crash in
    /// between leaves it in both: nothing is lost.
    pub(super) async fn set_aside(
        &self,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<(), PortError> {
        let call = self.call("bury");
        let dead = self.redrive().await?.dead.clone();
        if !self.hide_if_held(delivery, SETTING_ASIDE, "bury").await? {
            return Ok(());
        }
        let attributes = self.epitaph(delivery, reason);
        let attributes =
            attributes.map_err(|error| call.fault(PortErrorKind::Rejected).with_source(error))?;
        self.keep_body(&delivery.body).await;
        let body = self.packed(&delivery.body).await?;
        let send = self.client.send_message().queue_url(dead.url()).message_body(body);
        let send = send.set_message_attributes(Some(attributes));
        let send = if dead.is_fifo() {
            // The id keeps a repetition within five minutes from lying there twice.
            send.message_group_id(&delivery.id).message_deduplication_id(&delivery.id)
        } else {
            send
        };
        send.send().await.map_err(|error| call.failed(error))?;
        self.delete(std::slice::from_ref(delivery)).await
    }

    fn epitaph(&self, delivery: &Delivery, reason: &str) -> Result<Attributes, BuildError> {
        let number = |it: &dyn std::fmt::Display| text(&it.to_string());
        let mut attributes = Attributes::from([
            (ID.to_owned(), text(&delivery.id)?),
            (N_ATTEMPTS.to_owned(), number(&delivery.attempt)?),
            (REASON.to_owned(), text(reason)?),
            (SENT_AT.to_owned(), number(&delivery.sent_at.as_millis())?),
            (DIED_AT.to_owned(), number(&self.clock.now().as_millis())?),
        ]);
        if let Some(group) = &delivery.group {
            attributes.insert(GROUP.to_owned(), text(group)?);
        }
        Ok(attributes)
    }
}

/// Tells whether the receipt is no longer valid. An expired one is an `InvalidParameterValue`.
/// Source: API reference of SQS, `ChangeMessageVisibility`, and what ministack answers; no real account
/// was asked.
fn is_gone(error: &SdkError<ChangeMessageVisibilityError>) -> bool {
    use aws_sdk_sqs::error::ProvideErrorMetadata as _;
    let code = error.code().map(|it| it.rsplit(['.', '#']).next().unwrap_or(it));
    matches!(code, Some("MessageNotInflight" | "ReceiptHandleIsInvalid" | "InvalidParameterValue"))
}
