//! Dead letters: looked through, and sent again.
//!
//! SQS cannot list a queue. Its messages are received, hidden for a moment, and shown again, which
//! counts as a hand-out of the dead-letter queue and as nothing of the queue itself.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU32;
use std::time::Duration;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName,
};
use shared::error::{PortError, PortErrorKind};
use shared::ports::{DeadLetter, NewMessage, ReplaySelection};

use super::attributes::{
    DIED_AT, ID, N_ATTEMPTS, REASON, SENT_AT, group_of, instant_of, queued_at, system, text_of,
};
use super::queue::SqsQueue;
use super::receive::N_ANSWER;
use super::send::Outgoing;

/// How many dead letters are looked through at most.
const MAX_LISTED: usize = 1_000;
/// How long those stay hidden that are looked at, should the process end meanwhile.
const LOOK: Duration = Duration::from_secs(30);
/// The reason of a message that nobody settled.
const ABANDONED: &str =
    "handed out too often and never settled: the receiver ended or ran out of time";

impl SqsQueue {
    pub(super) async fn list_dead(
        &self,
        after: Option<&str>,
        limit: NonZeroU32,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let max_attempts = self.redrive().await?.max_attempts;
        let messages = self.look_through().await?;
        let mut letters: Vec<(DeadLetter, i64)> = messages
            .values()
            .map(|it| (letter(it, max_attempts), queued_at(it).as_millis()))
            .collect();
        self.show(messages.values()).await;
        letters.sort_by_key(|(it, queued_at)| std::cmp::Reverse((it.died_at, *queued_at)));
        let letters = letters.into_iter().map(|(it, _)| it);
        let skipped = letters.skip_while(|it| after.is_some_and(|after| it.id != after));
        let n_skipped = usize::from(after.is_some());
        Ok(skipped.skip(n_skipped).take(limit.get() as usize).collect())
    }

    pub(super) async fn replay_dead(&self, selection: &ReplaySelection) -> Result<u64, PortError> {
        let wanted: Option<HashSet<&str>> = match selection {
            ReplaySelection::All => None,
            ReplaySelection::Ids(ids) => Some(ids.iter().map(String::as_str).collect()),
        };
        if wanted.is_none()
            && let Some(n_moved) = self.move_dead().await?
        {
            return Ok(n_moved);
        }
        // Poison is dead again at once: without an end it would be sent again for ever.
        let [n_ready, n_in_flight, _] = self.counts(&self.redrive().await?.dead).await?;
        let n_wanted = n_ready + n_in_flight;
        let mut n_replayed = 0;
        loop {
            let messages = self.look_through().await?;
            let n_seen = messages.len();
            let (chosen, others): (Vec<_>, Vec<_>) = messages
                .into_values()
                .partition(|it| wanted.as_ref().is_none_or(|ids| ids.contains(id_of(it))));
            let sent = self.send_again(&chosen).await;
            self.show(others.iter()).await;
            n_replayed += sent?;
            // Of all, there may be more than are looked through at once.
            if wanted.is_some() || n_seen < MAX_LISTED || n_replayed >= n_wanted {
                return Ok(n_replayed);
            }
        }
    }

    /// Receives dead letters, each once, until there are no more or enough.
    async fn look_through(&self) -> Result<BTreeMap<String, Message>, PortError> {
        let dead = &self.redrive().await?.dead;
        let mut found = BTreeMap::new();
        while found.len() < MAX_LISTED {
            let messages = self.ask(dead, N_ANSWER, LOOK, Duration::ZERO).await?;
            let n_before = found.len();
            let named = messages.into_iter().filter_map(|it| Some((it.message_id.clone()?, it)));
            found.extend(named);
            if found.len() == n_before {
                break;
            }
        }
        Ok(found)
    }

    /// Shows messages again that were only looked at. Where it fails, they show by themselves.
    async fn show(&self, messages: impl Iterator<Item = &Message>) {
        let Ok(redrive) = self.redrive().await else { return };
        let receipts: Vec<&str> = messages.filter_map(Message::receipt_handle).collect();
        for some in receipts.chunks(N_ANSWER as usize) {
            let entries = some.iter().enumerate().filter_map(|(place, receipt)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder();
                let entry = entry.id(place.to_string()).receipt_handle(*receipt);
                entry.visibility_timeout(0).build().ok()
            });
            let show = self.client.change_message_visibility_batch().queue_url(redrive.dead.url());
            if let Err(error) = show.set_entries(Some(entries.collect())).send().await {
                let error = self.call("show dead letters").failed(error);
                tracing::debug!(%error, "dead letters that were looked at stay hidden for a moment");
            }
        }
    }

    /// Sends dead letters to the queue again, then removes them: a crash in between leaves them in
    /// both.
    async fn send_again(&self, messages: &[Message]) -> Result<u64, PortError> {
        for some in messages.chunks(N_ANSWER as usize) {
            let again = some.iter().map(|it| NewMessage {
                body: it.body().unwrap_or_default().to_owned(),
                group: group_of(it).map(ToOwned::to_owned),
                ..NewMessage::default()
            });
            let again: Vec<NewMessage> = again.collect();
            for message in &again {
                self.keep_body(&message.body).await;
            }
            // As they are: SQS has taken them before, and a pointer stays one.
            let again: Vec<Outgoing<'_>> = again.iter().map(Outgoing::as_it_is).collect();
            self.send_all(&again).await?;
            self.remove_dead(some).await?;
        }
        Ok(messages.len() as u64)
    }

    async fn remove_dead(&self, messages: &[Message]) -> Result<(), PortError> {
        let call = self.call("replay");
        let entries = messages.iter().enumerate().filter_map(|(place, it)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(place.to_string());
            entry.receipt_handle(it.receipt_handle()?).build().ok()
        });
        let dead = &self.redrive().await?.dead;
        let delete = self.client.delete_message_batch().queue_url(dead.url());
        let answer = delete.set_entries(Some(entries.collect())).send().await;
        let answer = answer.map_err(|error| call.failed(error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(fault) => Err(call.fault(PortErrorKind::Unavailable).with_source(format!(
                "a dead letter that was sent again is still there: {}",
                fault.message().unwrap_or(fault.code())
            ))),
        }
    }
}

/// The id that the message had in its queue.
fn id_of(message: &Message) -> &str {
    text_of(message, ID).or(message.message_id()).unwrap_or_default()
}

fn letter(message: &Message, max_attempts: NonZeroU32) -> DeadLetter {
    let first_seen = system(message, &MessageSystemAttributeName::ApproximateFirstReceiveTimestamp);
    let first_seen = first_seen.and_then(|it| it.parse().ok());
    let first_seen = first_seen.map(shared::time::Timestamp::from_millis);
    // SQS itself set it aside: what is said of an earlier death, before it was sent again, is over.
    let of_sqs = system(message, &MessageSystemAttributeName::DeadLetterQueueSourceArn).is_some();
    let told = |name| text_of(message, name).filter(|_| !of_sqs);
    let n_attempts = told(N_ATTEMPTS).and_then(|it| it.parse().ok());
    let died_at = instant_of(message, DIED_AT).filter(|_| !of_sqs);
    DeadLetter {
        id: id_of(message).to_owned(),
        body: message.body().unwrap_or_default().to_owned(),
        group: group_of(message).map(ToOwned::to_owned),
        n_attempts: n_attempts.unwrap_or(max_attempts.get()),
        reason: told(REASON).unwrap_or(ABANDONED).to_owned(),
        sent_at: instant_of(message, SENT_AT).unwrap_or_else(|| queued_at(message)),
        // SQS moves a message without telling when.
        died_at: died_at.or(first_seen).unwrap_or_else(|| queued_at(message)),
    }
}
