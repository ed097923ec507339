//! Receiving.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use shared::error::PortError;
use shared::ports::Delivery;

use super::address::QueueAddress;
use super::attributes::{TRACE_PARENT, group_of, queued_at, system, text_of};
use super::queue::SqsQueue;

/// Messages in one answer. Source: API reference of SQS, `ReceiveMessage`.
pub(super) const N_ANSWER: u32 = 10;
/// The longest wait of one request. Source: as above.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The longest visibility. Source: API reference of SQS, `ChangeMessageVisibility`.
pub(super) const MAX_VISIBILITY: Duration = Duration::from_hours(12);

impl SqsQueue {
    pub(super) async fn receive_up_to(
        &self,
        max: NonZeroU32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Delivery>, PortError> {
        let deadline = Instant::now() + wait;
        let mut deliveries: Vec<Delivery> = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = if deliveries.is_empty() { left.min(MAX_WAIT) } else { Duration::ZERO };
            let wanted = max.get() - u32::try_from(deliveries.len()).unwrap_or(max.get());
            let n = wanted.min(N_ANSWER);
            let messages = self.ask(&self.address, n, visibility, wait).await;
            let messages = match messages {
                Ok(messages) => messages,
                // Those in hand are not lost for the failure of a further request.
                Err(_) if !deliveries.is_empty() => return Ok(deliveries),
                Err(error) => return Err(error),
            };
            let n_got = u32::try_from(messages.len()).unwrap_or(u32::MAX);
            for delivery in messages.into_iter().filter_map(delivery) {
                deliveries.extend(self.with_body(delivery).await);
            }
            let is_waited = deadline <= Instant::now();
            let is_full = deliveries.len() >= usize::try_from(max.get()).unwrap_or(usize::MAX);
            // What was set aside for want of its body is no answer: the next may be whole.
            if is_full || (n_got < n && (!deliveries.is_empty() || is_waited)) {
                return Ok(deliveries);
            }
        }
    }

    /// Asks the queue at `address` once.
    pub(super) async fn ask(
        &self,
        address: &QueueAddress,
        max: u32,
        visibility: Duration,
        wait: Duration,
    ) -> Result<Vec<Message>, PortError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(address.url())
            .max_number_of_messages(i32::try_from(max.min(N_ANSWER)).unwrap_or(1))
            .visibility_timeout(seconds(visibility.min(MAX_VISIBILITY)))
            .wait_time_seconds(seconds(wait))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await;
        let answer = answer.map_err(|error| self.call("receive").failed(error))?;
        Ok(answer.messages.unwrap_or_default())
    }
}

/// Whole seconds, rounded up.
pub(super) fn seconds(duration: Duration) -> i32 {
    let whole = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

/// Reads a message. One without id or receipt cannot be settled, and comes again.
fn delivery(message: Message) -> Option<Delivery> {
    let count = system(&message, &MessageSystemAttributeName::ApproximateReceiveCount);
    let attempt = count.and_then(|it| it.parse().ok()).unwrap_or(1);
    Some(Delivery {
        group: group_of(&message).map(ToOwned::to_owned),
        attempt,
        sent_at: queued_at(&message),
        trace_parent: text_of(&message, TRACE_PARENT).map(ToOwned::to_owned),
        id: message.message_id?,
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_rounded_up_to_whole_seconds() {
        assert_eq!(seconds(Duration::ZERO), 0);
        assert_eq!(seconds(Duration::from_millis(1)), 1);
        assert_eq!(seconds(Duration::from_secs(2)), 2);
        assert_eq!(seconds(Duration::from_millis(2_001)), 3);
    }
}
