//! Follows one topic: one stream after another, from the place that is kept.

use std::time::Duration;

use futures_util::StreamExt as _;
use metrics::counter;
use shared::PortError;
use shared::ports::{ChangeSink, Gap, RemoteSession, StreamState};
use shared::time::Timestamp;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, warn};

use crate::end::End;
use crate::fault::{Fault, Remedy};
use crate::open_stream::OpenStream;
use crate::pace::{Next, Pace, Waits};
use crate::parts::Parts;
use crate::place::Place;
use crate::topic::Topic;
use crate::wire::Responses;

/// A sign of life says that everything up to its place was sent. What is committed and not yet on
/// the bus comes later by no more than this; it is also how far the two clocks may be apart.
pub(crate) const LATE_COMMITS: Duration = Duration::from_mins(10);

/// A place that was not renewed for so long is renewed by the next sign of life, though nothing else
/// is there to wait for.
const RENEW_AFTER: Duration = Duration::from_hours(24);

/// Follows one topic.
pub(crate) struct Follower<'a> {
    pub(crate) parts: &'a Parts,
    pub(crate) topic: &'a Topic,
    pub(crate) sink: &'a dyn ChangeSink,
    pub(crate) pace: Pace,
    pub(crate) waits: Waits,
    /// Events that may be asked for and not yet here; fewer after an answer that was too long to take.
    pub(crate) max_open: i32,
}

impl Follower<'_> {
    /// Follows the topic, through every end of a stream, to the end of the pace.
    ///
    /// # Errors
    ///
    /// What keeps it from going on, when no time is left to wait.
    pub(crate) async fn follow(mut self) -> Result<(), PortError> {
        // So that the first gap is a step from 0, and not a series that begins with 1.
        self.count_gaps(0);
        loop {
            let end = match self.one_stream().await {
                Ok(()) => {
                    self.topic.note_state(StreamState::Idle);
                    return Ok(());
                }
                Err(end) => end,
            };
            let (remedy, error) = end.tell(&self.parts.connection, self.topic);
            let wait = self.waits.after(remedy, self.parts.random.as_ref());
            if !self.pace.has_time_for(wait) {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Opens a stream at the place that is kept, and reads it to the end of the pace.
    async fn one_stream(&mut self) -> Result<(), End> {
        let parts = self.parts;
        let mut place = Place::open(&*parts.ledger, &parts.connection, &self.topic.name).await?;
        if place.is_lost() {
            self.start_over(&mut place).await?;
        }
        self.topic.note_place(&place);
        let session = parts.sessions.session().await?;
        let (requests, outbox) = mpsc::channel(2);
        let mut stream = OpenStream {
            session: &session,
            requests,
            max_open: self.max_open,
            n_open: 0,
            held: None,
            last: Instant::now(),
        };
        stream.ask(Some((self.topic, &place))).await?;
        let outcome = match parts.wire.subscribe(&session, outbox).await {
            Ok(responses) => {
                self.topic.note_state(StreamState::Following);
                debug!(connection = %parts.connection, "following `{}`", self.topic.name);
                self.read(&mut stream, responses, &mut place).await
            }
            Err(fault) => Err(fault.into()),
        };
        if let Err(End::Fault(fault)) = &outcome {
            if fault.label == "too_large" {
                self.max_open = (self.max_open / 2).max(1);
            }
            self.mend(fault, &session, &mut place).await?;
        }
        outcome
    }

    async fn mend(
        &self,
        fault: &Fault,
        session: &RemoteSession,
        place: &mut Place<'_>,
    ) -> Result<(), PortError> {
        match fault.remedy {
            Remedy::LogIn => self.parts.sessions.refuse(session),
            // The oldest event is always known: this fault is not about our place.
            Remedy::StartOver if place.replay_id().is_some() => self.start_over(place).await?,
            Remedy::Reopen if fault.label == "silent" => self.parts.wire.hang_up().await,
            _ => {}
        }
        Ok(())
    }

    /// The place is not known any more: what came behind it is read from its source, and the
    /// topic from its oldest event. Beginning with the newest would lose what lies between.
    async fn start_over(&self, place: &mut Place<'_>) -> Result<(), PortError> {
        let parts = self.parts;
        let since = place.at().map_or(Timestamp::EPOCH, |it| it.minus(LATE_COMMITS));
        let gap = Gap {
            topic: self.topic.name.clone(),
            object: self.topic.object.clone(),
            since,
            why: "the place in the stream is not known any more",
        };
        self.sink.lost(&gap).await?;
        place.start_over().await?;
        self.topic.note_gap(parts.clock.now());
        self.topic.note_place(place);
        self.count_gaps(1);
        warn!(connection = %parts.connection, since = %since,
            "events of `{}` were lost: reading what changed since then from its source, and the \
             stream from its oldest event", self.topic.name);
        Ok(())
    }

    fn count_gaps(&self, n: u64) {
        let (connection, topic) = (self.parts.connection.to_string(), self.topic.name.to_string());
        counter!("pubsub_gaps_total", "connection" => connection, "topic" => topic).increment(n);
    }

    async fn read(
        &mut self,
        stream: &mut OpenStream<'_>,
        mut responses: Responses,
        place: &mut Place<'_>,
    ) -> Result<(), End> {
        let is_old = place.at().is_some_and(|at| self.parts.clock.now().since(at) > RENEW_AFTER);
        let pace = match is_old && place.replay_id().is_some() {
            true => self.pace.until_a_sign_of_life(),
            false => self.pace,
        };
        while !pace.is_over() {
            let (until, otherwise) = pace.next(stream.last);
            match (timeout_at(until, responses.next()).await, otherwise) {
                (Ok(Some(response)), _) => {
                    let response = response?;
                    stream.last = Instant::now();
                    self.waits.reset();
                    self.take(stream, response, place).await?;
                }
                (Ok(None), _) => {
                    return Err(Fault::silent("closed", "the service closed the stream").into());
                }
                (Err(_), Next::Quiet) => {
                    if let Some((held, at)) = stream.held.take() {
                        self.save(place, held, at).await?;
                    }
                    return Ok(());
                }
                (Err(_), Next::Dead) => {
                    let what = "nothing came for five minutes, not even a sign of life";
                    return Err(Fault::silent("silent", what).into());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
