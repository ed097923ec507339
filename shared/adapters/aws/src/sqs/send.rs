//! Sending.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use sha2::{Digest as _, Sha256};
use shared::error::{PortError, PortErrorKind};
use shared::ports::{NewMessage, Queue as _, SendOutcome};
use shared::time::Timestamp;

use super::attributes::{Attributes, GROUP, TRACE_PARENT, is_taken, text};
use super::dedupe::Claim;
use super::large::is_mistakable;
use super::queue::SqsQueue;
use crate::fault::kind;

/// Messages in one request. Source: API reference of SQS, `SendMessageBatch`.
const N_REQUEST: usize = 10;
/// Bytes in one request, with all attributes. Source: as above.
const REQUEST_BYTES: usize = 1_048_576;
/// What may stand beside a body.
const BESIDE_BYTES: usize = 8_192;
/// How often those of a request are sent again that SQS took not.
const N_ATTEMPTS: u32 = 4;
/// How long a message can be delayed. Source: Amazon SQS developer guide, "Message timers".
const MAX_DELAY: Duration = Duration::from_mins(15);

/// A message, and what stands in it for its body.
pub(super) struct Outgoing<'a> {
    message: &'a NewMessage,
    body: Cow<'a, str>,
}

impl<'a> Outgoing<'a> {
    pub(super) fn as_it_is(message: &'a NewMessage) -> Self {
        Self { message, body: Cow::Borrowed(&message.body) }
    }
}

/// A message that is not settled yet, and where its outcome goes.
type Pending<'a, 'b> = (&'a NewMessage, &'b mut SendOutcome);

/// What a round of claims brought.
struct Round<'a, 'b> {
    /// To be sent now.
    ours: Vec<&'a NewMessage>,
    /// To be looked at again.
    left: Vec<Pending<'a, 'b>>,
    /// When the claim ends that another sender has on one of those.
    other: Option<Timestamp>,
}

impl SqsQueue {
    pub(super) async fn send_batch(
        &self,
        batch: Vec<NewMessage>,
    ) -> Result<Vec<SendOutcome>, PortError> {
        for message in &batch {
            self.check(message)?;
        }
        let owner = format!("{:032x}", self.random.bits());
        let mut outcomes = vec![SendOutcome::Queued; batch.len()];
        let mut open = Vec::with_capacity(batch.len());
        let mut seen = HashSet::new();
        for (message, outcome) in batch.iter().zip(&mut outcomes) {
            if message.dedupe_key.as_ref().is_none_or(|key| seen.insert(key)) {
                open.push((message, outcome));
            } else {
                *outcome = SendOutcome::Duplicate;
            }
        }
        while !open.is_empty() {
            let Round { ours, left, other } = self.claim(open, &owner).await?;
            self.send_claimed(&ours, &owner).await?;
            open = left;
            if let (Some(until), Some(dedupe)) = (other, &self.dedupe) {
                dedupe.wait_for_other(until, &*self.random).await;
            }
        }
        Ok(outcomes)
    }

    /// Sends what was claimed, and says so to whoever sends the same; gives it up when it was not sent.
    async fn send_claimed(&self, ours: &[&NewMessage], owner: &str) -> Result<(), PortError> {
        let sent = self.send_chosen(ours).await;
        if let Some(dedupe) = &self.dedupe {
            let keys: Vec<&str> = ours.iter().filter_map(|it| it.dedupe_key.as_deref()).collect();
            match &sent {
                Ok(()) => dedupe.sent(&keys, owner).await,
                Err(_) => dedupe.not_sent(&keys, owner).await,
            }
        }
        sent
    }

    fn check(&self, message: &NewMessage) -> Result<(), PortError> {
        let fault =
            |text: String| Err(self.call("send").fault(PortErrorKind::Rejected).with_source(text));
        let n_bytes = message.body.len();
        let max = self.max_body_bytes();
        if n_bytes > max {
            return fault(format!("a body of {n_bytes} bytes: the queue takes {max}"));
        }
        if is_mistakable(&message.body) {
            return fault("a body that reads like a pointer to one".to_owned());
        }
        if n_bytes == 0 {
            return fault("an empty body: SQS takes none".to_owned());
        }
        if !message.body.chars().all(is_taken) {
            return fault("a control character in the body: SQS takes none".to_owned());
        }
        if message.delay > MAX_DELAY {
            return fault(format!("a delay of {:?}: SQS takes 15 minutes", message.delay));
        }
        if self.address.is_fifo() && !message.delay.is_zero() {
            return fault("a delay: a FIFO queue takes none of a single message".to_owned());
        }
        Ok(())
    }

    /// Claims what is to be sent, all at once.
    ///
    /// While another sender has a claim, nothing that is ours waits for it: it is sent, or, where the
    /// order counts and it stands behind, given up until then.
    async fn claim<'a, 'b>(
        &self,
        open: Vec<Pending<'a, 'b>>,
        owner: &str,
    ) -> Result<Round<'a, 'b>, PortError> {
        let Some(dedupe) = &self.dedupe else {
            let ours = open.into_iter().map(|(message, _)| message).collect();
            return Ok(Round { ours, left: Vec::new(), other: None });
        };
        let keys: Vec<&str> = open.iter().filter_map(|(it, _)| it.dedupe_key.as_deref()).collect();
        let mut claims = dedupe.claim(&keys, owner).await?.into_iter();
        let mut round = Round { ours: Vec::new(), left: Vec::new(), other: None };
        let mut given_up = Vec::new();
        for (message, outcome) in open {
            let key = message.dedupe_key.as_deref();
            let claim = key.and_then(|_| claims.next()).unwrap_or(Claim::Ours);
            match claim {
                Claim::Sent => *outcome = SendOutcome::Duplicate,
                Claim::Theirs { until } => {
                    round.other = round.other.or(Some(until));
                    round.left.push((message, outcome));
                }
                Claim::Ours if round.other.is_some() && self.address.is_fifo() => {
                    given_up.extend(key);
                    round.left.push((message, outcome));
                }
                Claim::Ours => round.ours.push(message),
            }
        }
        dedupe.not_sent(&given_up, owner).await;
        Ok(round)
    }

    /// Puts large bodies where they belong, then sends: a message never comes before its body.
    async fn send_chosen(&self, messages: &[&NewMessage]) -> Result<(), PortError> {
        let mut packed = Vec::with_capacity(messages.len());
        for message in messages {
            let body = self.packed(&message.body).await?;
            packed.push(Outgoing { message, body });
        }
        self.send_all(&packed).await
    }

    pub(super) async fn send_all(&self, messages: &[Outgoing<'_>]) -> Result<(), PortError> {
        let mut rest = messages;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(n_of_request(rest));
            let entries = now.iter().enumerate().map(|(place, it)| self.entry(place, it));
            let entries = entries.collect::<Result<_, _>>().map_err(|error| {
                self.call("send").fault(PortErrorKind::Rejected).with_source(error)
            })?;
            self.send_request(entries).await?;
            rest = later;
        }
        Ok(())
    }

    fn entry(
        &self,
        place: usize,
        Outgoing { message, body }: &Outgoing<'_>,
    ) -> Result<SendMessageBatchRequestEntry, BuildError> {
        let mut attributes = Attributes::new();
        if let Some(group) = &message.group {
            attributes.insert(GROUP.to_owned(), text(group)?);
        }
        if let Some(trace) = &message.trace_parent {
            attributes.insert(TRACE_PARENT.to_owned(), text(trace)?);
        }
        let entry = SendMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .message_body(body.as_ref())
            .set_message_attributes((!attributes.is_empty()).then_some(attributes));
        let entry = if self.address.is_fifo() {
            // A message of no group must not wait for others: it is a group of its own.
            let own = format!("{:032x}", self.random.bits());
            let group = message.group.as_ref().map_or_else(|| own.clone(), |it| short(it));
            entry.message_group_id(group).message_deduplication_id(own)
        } else {
            entry.set_delay_seconds(delay_seconds(message.delay))
        };
        entry.build()
    }

    /// Sends one request, and those of it again that were not taken for a fault of SQS.
    async fn send_request(
        &self,
        mut entries: Vec<SendMessageBatchRequestEntry>,
    ) -> Result<(), PortError> {
        let call = self.call("send");
        for attempt in 1.. {
            let request = self.client.send_message_batch().queue_url(self.address.url());
            let answer = request.set_entries(Some(entries.clone())).send().await;
            let answer = answer.map_err(|error| call.failed(error))?;
            let Some(fault) =
                answer.failed().iter().find(|it| it.sender_fault()).or(answer.failed().first())
            else {
                return Ok(());
            };
            if fault.sender_fault() || attempt == N_ATTEMPTS {
                let status = if fault.sender_fault() { 400 } else { 503 };
                let text = format!("{}: {}", fault.code(), fault.message().unwrap_or_default());
                return Err(call.fault(kind(Some(fault.code()), Some(status))).with_source(text));
            }
            let failed: HashSet<&str> =
                answer.failed().iter().map(BatchResultErrorEntry::id).collect();
            entries.retain(|it| failed.contains(it.id()));
            tokio::time::sleep(Duration::from_millis(50 << attempt)).await;
        }
        Ok(())
    }
}

/// Returns how many of `messages` one request takes; at least one.
fn n_of_request(messages: &[Outgoing<'_>]) -> usize {
    let mut n_bytes = 0;
    let fits = |it: &&Outgoing<'_>| {
        n_bytes += it.body.len() + BESIDE_BYTES;
        n_bytes <= REQUEST_BYTES
    };
    messages.iter().take(N_REQUEST).take_while(fits).count().max(1)
}

/// Whole seconds, rounded up; none for none, because a queue may have a delay of its own.
fn delay_seconds(delay: Duration) -> Option<i32> {
    match super::receive::seconds(delay) {
        0 => None,
        seconds => Some(seconds),
    }
}

/// A group or key as SQS and SNS take it: 128 characters of ASCII without white space.
pub(crate) fn short(group: &str) -> String {
    let is_taken = |it: char| it.is_ascii_graphic();
    if group.len() <= 128 && !group.is_empty() && group.chars().all(is_taken) {
        return group.to_owned();
    }
    let digest = Sha256::digest(group.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::queue::MAX_BODY_BYTES;
    use super::*;

    #[test]
    fn request_takes_ten_messages_or_a_mebibyte() {
        let small = NewMessage { body: "x".to_owned(), ..NewMessage::default() };
        let large = NewMessage { body: "x".repeat(MAX_BODY_BYTES), ..NewMessage::default() };
        let n_of = |it: &[&NewMessage]| {
            n_of_request(&it.iter().map(|it| Outgoing::as_it_is(it)).collect::<Vec<_>>())
        };
        assert_eq!(n_of(&[&small; 25]), 10);
        assert_eq!(n_of(&[&large, &small]), 1);
        assert_eq!(n_of(&[&small, &large, &small]), 1);
    }

    #[test]
    fn odd_group_is_named_by_its_digest() {
        assert_eq!(short("main/Case/500A"), "main/Case/500A");
        assert_eq!(short("a b").len(), 64);
        assert_eq!(short(&"x".repeat(200)).len(), 64);
    }
}
