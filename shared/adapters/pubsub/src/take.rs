//! Hands on what comes over a stream, and keeps the place behind it.

use std::time::Duration;

use metrics::counter;
use shared::ports::StreamState;
use shared::time::Timestamp;
use shared::worker::Backoff;
use shared::{PortError, chain};
use tokio::time::sleep;
use tracing::{info, warn};

use crate::batch::{Batch, Reading, batch};
use crate::end::End;
use crate::follow::{Follower, LATE_COMMITS};
use crate::messages::FetchResponse;
use crate::open_stream::OpenStream;
use crate::place::{Place, ReplayId};

/// Waits between two attempts of the sink to take one batch.
const SINK: Backoff = Backoff { first: Duration::from_millis(200), cap: Duration::from_secs(30) };

impl Follower<'_> {
    /// Hands on what came, and keeps the place behind it.
    pub(crate) async fn take(
        &self,
        stream: &mut OpenStream<'_>,
        response: FetchResponse,
        place: &mut Place<'_>,
    ) -> Result<(), End> {
        let parts = self.parts;
        let received_at = parts.clock.now();
        let FetchResponse { events, latest_replay_id, .. } = response;
        self.topic.note_message(received_at, !events.is_empty());
        if events.is_empty() {
            return self.sign_of_life(stream, latest_replay_id, received_at, place).await;
        }
        stream.n_open -= i32::try_from(events.len()).unwrap_or(i32::MAX);
        let reading = Reading {
            wire: &*parts.wire,
            session: stream.session,
            schemas: &parts.schemas,
            connection: &parts.connection,
            topic: &self.topic.name,
            received_at,
            random: &*parts.random,
        };
        if let Some(batch) = batch(&reading, events).await? {
            self.hand_on(&batch).await?;
            let held = stream.held.take();
            if let Some((complete, at)) = complete(held, &batch) {
                self.save(place, complete, at).await?;
            }
            stream.held = Some((batch.last, batch.committed_at));
        }
        // Only now: what was asked for before is in memory at most once more.
        stream.ask(None).await?;
        Ok(())
    }

    /// Everything up to here was sent: the place moves on though nothing happened, for a place of a
    /// quiet topic would be forgotten over there after three days.
    async fn sign_of_life(
        &self,
        stream: &mut OpenStream<'_>,
        latest: Vec<u8>,
        now: Timestamp,
        place: &mut Place<'_>,
    ) -> Result<(), End> {
        let (connection, topic) = (self.parts.connection.to_string(), self.topic.name.to_string());
        counter!("pubsub_signs_of_life_total", "connection" => connection, "topic" => topic)
            .increment(1);
        stream.held = None;
        // Without an open request the service could not have sent what is there.
        if let Some(latest) = ReplayId::of(latest).filter(|_| stream.n_open > 0) {
            self.save(place, latest, Some(now.minus(LATE_COMMITS))).await?;
        }
        Ok(())
    }

    pub(crate) async fn save(
        &self,
        place: &mut Place<'_>,
        replay_id: ReplayId,
        at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        place.save(replay_id, at).await?;
        self.topic.note_place(place);
        Ok(())
    }

    /// Hands a batch to the sink until it is durable. Meanwhile nothing more is asked for.
    async fn hand_on(&self, batch: &Batch) -> Result<(), PortError> {
        let mut wait = None;
        loop {
            let error = match self.sink.take(&batch.changes).await {
                Ok(()) => break,
                Err(error) => error,
            };
            let next = SINK.next(wait, error.retry_after(), self.parts.random.as_ref());
            if !self.pace.has_time_for(next) {
                return Err(error);
            }
            self.topic.note_state(StreamState::Waiting(chain(&error).to_string()));
            warn!(connection = %self.parts.connection, error = %chain(&error),
                "changes of `{}` were not taken and are offered again", self.topic.name);
            sleep(next).await;
            wait = Some(next);
        }
        self.topic.note_state(StreamState::Following);
        let (n_changes, n_unreadable) =
            (batch.changes.changes.len(), batch.changes.unreadable.len());
        info!(connection = %self.parts.connection, n_changes, n_unreadable,
            replay_id = %batch.changes.replay_id, "took {n_changes} changes of `{}`",
            self.topic.name);
        Ok(())
    }
}

/// Returns the last place whose events are all handed on.
///
/// Events of one transaction that was merged and then enriched come one by one and share a place: it
/// is kept only once an event of another place follows, or a sign of life says that there is none.
/// Until then a restart makes the events of that one place come again.
/// Source: Change Data Capture guide, "Event Enrichment", considerations.
fn complete(
    held: Option<(ReplayId, Option<Timestamp>)>,
    batch: &Batch,
) -> Option<(ReplayId, Option<Timestamp>)> {
    match &batch.before_last {
        Some(place) => Some((place.clone(), batch.committed_at)),
        None => held.filter(|(place, _)| *place != batch.first),
    }
}
