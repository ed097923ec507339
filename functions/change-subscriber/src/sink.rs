//! Queues what comes over a stream, and has read again what it lost.

use std::sync::Arc;

use async_trait::async_trait;
use metrics::counter;
use shared::ids::ConnectionId;
use shared::ports::{ChangeBatch, ChangeSink, Gap, Ledger, NewMessage, Queue, SendOutcome};
use shared::sync::Mappings;
use shared::{PortError, PortErrorKind};
use tracing::{Instrument, debug, info_span};

use crate::cursors::set_back;
use crate::message::{dead_letter, message};

/// Messages sent to the queue in one commit.
const BATCH: usize = 500;

/// Takes what comes from one connection.
pub(crate) struct QueueSink {
    pub(crate) connection: ConnectionId,
    pub(crate) mappings: Mappings,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) ledger: Arc<dyn Ledger>,
}

impl QueueSink {
    /// Writes the messages of a batch, each with the object that it is counted under. Objects that are
    /// not mapped are left out: a channel may be there for others too.
    fn messages(&self, batch: &ChangeBatch) -> Result<Vec<(String, NewMessage)>, PortError> {
        let max_body_bytes = self.queue.max_body_bytes();
        let mut messages = Vec::with_capacity(batch.changes.len());
        for change in &batch.changes {
            let object = &change.event.key.object;
            let Some(mapping) = self.mappings.get(object) else {
                debug!(connection = %self.connection, object = %object,
                    "a change of `{object}` is left out: it has no mapping");
                self.count("unmapped", "unmapped");
                continue;
            };
            let written = message(change, mapping, max_body_bytes).map_err(|error| {
                let kind = PortErrorKind::Rejected;
                PortError::new(kind, "queue", "send", &change.event.event_id).with_source(error)
            })?;
            messages.push((mapping.object.to_string(), written));
        }
        for event in &batch.unreadable {
            let letter = dead_letter(&self.connection, &batch.topic, event, max_body_bytes);
            messages.push(("unreadable".to_owned(), letter));
        }
        Ok(messages)
    }

    async fn send(&self, batch: &ChangeBatch) -> Result<(), PortError> {
        let mut messages = self.messages(batch)?.into_iter().peekable();
        while messages.peek().is_some() {
            let (objects, chunk): (Vec<_>, Vec<_>) = messages.by_ref().take(BATCH).unzip();
            let outcomes = self.queue.send(chunk).await?;
            for (object, outcome) in objects.iter().zip(outcomes) {
                let outcome = match outcome {
                    SendOutcome::Queued => "queued",
                    SendOutcome::Duplicate => "duplicate",
                };
                self.count(object, outcome);
            }
        }
        Ok(())
    }

    fn count(&self, object: &str, outcome: &'static str) {
        counter!("pubsub_changes_total", "connection" => self.connection.to_string(),
            "object" => object.to_owned(), "outcome" => outcome)
        .increment(1);
    }
}

#[async_trait]
impl ChangeSink for QueueSink {
    async fn take(&self, batch: &ChangeBatch) -> Result<(), PortError> {
        // A stream is open for as long as the process lives: one trace of all that would be of use to
        // nobody.
        let span = info_span!(parent: None, "events", otel.name = "take events");
        self.send(batch).instrument(span).await
    }

    async fn lost(&self, gap: &Gap) -> Result<(), PortError> {
        let is_lost = |name: &str| match &gap.object {
            Some(object) => object.as_str().eq_ignore_ascii_case(name),
            None => true,
        };
        for mapping in self.mappings.objects() {
            if is_lost(mapping.object.as_str()) {
                set_back(&*self.ledger, &self.connection, &mapping.object, gap.since).await?;
            }
        }
        Ok(())
    }
}
