//! One stream of events: what was asked for on it, and what is sent.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::channel::Channel;
use super::messages::{ConsumerEvent, ReplayPreset};
use super::refusal::{by_code, invalid, not_found};
use super::source::Source;
use crate::sandbox::State;

/// Events that may be asked for and not yet sent. Source: Pub/Sub API guide, "Flow Control".
const MAX_OPEN: i32 = 100;

/// What a caller asks for on a stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    pub(super) topic: String,
    pub(super) preset: ReplayPreset,
    pub(super) replay_id: Vec<u8>,
    pub(super) num_requested: i32,
}

/// What is sent at once.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) events: Vec<ConsumerEvent>,
    pub(super) latest: Vec<u8>,
    pub(super) n_open: i32,
}

/// A stream that is open.
#[derive(Debug)]
pub(super) struct Subscription {
    state: Arc<State>,
    topic: String,
    source: Source,
    /// Events that are made and were not asked for yet.
    made: VecDeque<ConsumerEvent>,
    n_open: i32,
    n_left: Option<u32>,
    cuts: watch::Receiver<u64>,
    silence: watch::Receiver<bool>,
    keepalive_at: Instant,
}

impl Subscription {
    /// Opens a stream as the first wish says.
    pub(super) fn open(state: &Arc<State>, wish: &Wish) -> Result<Self, Status> {
        let orders = &state.pub_sub.orders;
        orders.refusal()?;
        state.pub_sub.spend(state, 0)?;
        let channel = Channel::find(state, &wish.topic)
            .ok_or_else(|| not_found("topic.not.found", "The topic does not exist."))?;
        let source = Source::open(state, channel, wish.preset, &wish.replay_id)?;
        let mut subscription = Self {
            state: Arc::clone(state),
            topic: wish.topic.clone(),
            source,
            made: VecDeque::new(),
            n_open: 0,
            n_left: orders.cut_after(),
            cuts: orders.cuts(),
            silence: orders.silence(),
            keepalive_at: Instant::now() + state.settings.pub_sub.keepalive,
        };
        subscription.ask(wish)?;
        Ok(subscription)
    }

    /// Takes a further wish.
    pub(super) fn ask(&mut self, wish: &Wish) -> Result<(), Status> {
        if !wish.topic.is_empty() && wish.topic != self.topic {
            let message = "The topic of a stream is the one of its first request.";
            return Err(invalid("subscription.fetch.topic.mismatch", message));
        }
        if !(1..=MAX_OPEN).contains(&wish.num_requested) {
            let message = "Between 1 and 100 events can be requested.";
            return Err(invalid("subscription.fetch.requested.events.invalid", message));
        }
        self.n_open += wish.num_requested;
        if self.n_open > MAX_OPEN {
            let message = "More than 100 events were requested and are not sent yet.";
            return Err(invalid("subscription.fetch.overflow", message));
        }
        Ok(())
    }

    /// Waits for what is to be sent next; may be dropped while it waits.
    pub(super) async fn next(&mut self) -> Result<Sent, Status> {
        loop {
            let is_silent = *self.silence.borrow();
            let n_open = usize::try_from(self.n_open).unwrap_or(0);
            let may_send = !is_silent && n_open > 0;
            if may_send && !self.made.is_empty() {
                return self.send(n_open);
            }
            tokio::select! {
                biased;
                Ok(()) = self.cuts.changed() => return Err(by_code("service.unavailable")),
                Ok(()) = self.silence.changed() => {}
                made = self.source.next(n_open), if may_send => self.made.extend(made?),
                () = sleep_until(self.keepalive_at), if !is_silent => {
                    self.rest();
                    let latest = self.source.position();
                    return Ok(Sent { events: Vec::new(), latest, n_open: self.n_open });
                }
                () = pending() => {}
            }
        }
    }

    fn send(&mut self, n_open: usize) -> Result<Sent, Status> {
        let n_left = self.n_left.map_or(n_open, |n| usize::try_from(n).unwrap_or(n_open));
        if n_left == 0 {
            return Err(by_code("service.unavailable"));
        }
        let n = n_open.min(n_left).min(self.made.len());
        self.state.pub_sub.spend(&self.state, n)?;
        let events: Vec<_> = self.made.drain(..n).collect();
        let n = i32::try_from(n).unwrap_or(MAX_OPEN);
        self.n_open -= n;
        self.n_left = self.n_left.map(|left| left.saturating_sub(n.unsigned_abs()));
        self.rest();
        let latest = events.last().map(|it| it.replay_id.clone()).unwrap_or_default();
        Ok(Sent { events, latest, n_open: self.n_open })
    }

    fn rest(&mut self) {
        self.keepalive_at = Instant::now() + self.state.settings.pub_sub.keepalive;
    }
}

/// Runs a stream to its end: wishes in, answers out, each in the words of its call.
pub(super) async fn run<In, Out>(
    mut subscription: Subscription,
    mut wishes: impl Stream<Item = Result<In, Status>> + Unpin,
    answers: mpsc::Sender<Result<Out, Status>>,
    mut take: impl FnMut(&mut Subscription, In) -> Result<Option<Out>, Status>,
    wrap: fn(Sent) -> Out,
) {
    loop {
        let answer = tokio::select! {
            () = answers.closed() => return,
            wish = wishes.next() => match wish {
                Some(Ok(wish)) => match take(&mut subscription, wish) {
                    Ok(None) => continue,
                    Ok(Some(answer)) => Ok(answer),
                    Err(status) => Err(status),
                },
                // A caller that asks no more gets no more.
                Some(Err(_)) | None => return,
            },
            sent = subscription.next() => sent.map(wrap),
        };
        let is_last = answer.is_err();
        if answers.send(answer).await.is_err() || is_last {
            return;
        }
    }
}
