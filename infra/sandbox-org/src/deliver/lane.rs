//! The queue in front of one subscriber.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::outbound::{MAX_NOTIFICATIONS, Notification, is_acknowledged, message};
use super::subscription::{Subscription, SubscriptionKind, Wrapper};
use crate::events::{ChangeEvent, payload, relayed};
use crate::ids::RecordId;
use crate::sandbox::State;

/// First wait after a refusal; it doubles up to [`MAX_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Longest wait between two tries. Shorter than the platform's two hours, for people who wait.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Most entries that wait for one subscriber; older ones are dropped as the platform does after a day.
const MAX_PENDING: usize = 200_000;

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) enum Parcel {
    Notification(Notification),
    Event(Arc<ChangeEvent>),
}

/// Counters of one subscriber.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) acked: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) dropped: AtomicU64,
}

/// The queue in front of one subscriber.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: RecordId,
    pub(crate) subscription: Subscription,
    pub(crate) counters: Counters,
    pending: Mutex<VecDeque<Parcel>>,
    arrived: Notify,
}

impl Lane {
    pub(super) fn new(id: RecordId, subscription: Subscription) -> Self {
        Self {
            id,
            subscription,
            counters: Counters::default(),
            pending: Mutex::new(VecDeque::new()),
            arrived: Notify::new(),
        }
    }

    /// Tells whether changes of `object` are sent here.
    pub(super) fn takes(&self, object: &str) -> bool {
        self.subscription.objects.iter().any(|name| name.eq_ignore_ascii_case(object))
    }

    pub(super) fn push(&self, parcel: Parcel) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Parcel::Notification(new) = &parcel {
            // A record that waits already is sent with its then current values anyhow.
            let recent = pending.iter().rev().take(MAX_NOTIFICATIONS);
            let waits = recent
                .filter_map(
                    |known| if let Parcel::Notification(n) = known { Some(n) } else { None },
                )
                .any(|known| known.record == new.record);
            if waits {
                return;
            }
        }
        pending.push_back(parcel);
        if pending.len() > MAX_PENDING {
            pending.pop_front();
            self.counters.dropped.fetch_add(1, Ordering::Relaxed);
        }
        drop(pending);
        self.arrived.notify_one();
    }

    /// Returns how many entries wait.
    pub(crate) fn n_pending(&self) -> usize {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<Parcel> {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let n = match self.subscription.kind {
            SubscriptionKind::OutboundMessage => MAX_NOTIFICATIONS,
            SubscriptionKind::ChangeEvents => 1,
        };
        let n = n.min(pending.len());
        pending.drain(..n).collect()
    }

    /// Sends what arrives until the task is dropped.
    pub(super) async fn run(&self, state: &State, client: &reqwest::Client) {
        loop {
            let parcels = self.take();
            if parcels.is_empty() {
                self.arrived.notified().await;
                continue;
            }
            let mut wait = FIRST_WAIT;
            while !self.send(state, client, &parcels).await {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(MAX_WAIT);
            }
        }
    }

    /// Sends once; true when the receiver took it.
    async fn send(&self, state: &State, client: &reqwest::Client, parcels: &[Parcel]) -> bool {
        let (body, content_type) = self.body(state, parcels);
        let mut request =
            client.post(&self.subscription.url).header("content-type", content_type).body(body);
        if self.subscription.kind == SubscriptionKind::OutboundMessage {
            request = request.header("soapaction", "\"\"");
        }
        for (name, value) in &self.subscription.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let taken = match request.send().await {
            Ok(answer) => {
                let success = answer.status().is_success();
                let text = answer.text().await.unwrap_or_default();
                let needs_ack = self.subscription.kind == SubscriptionKind::OutboundMessage;
                success && (!needs_ack || is_acknowledged(&text))
            }
            Err(error) => {
                // The URL may carry a secret.
                let error = error.without_url();
                tracing::debug!(error = %error, "delivery `{}` was not taken", self.id);
                false
            }
        };
        let counter = if taken { &self.counters.acked } else { &self.counters.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        taken
    }

    fn body(&self, state: &State, parcels: &[Parcel]) -> (String, &'static str) {
        if let [Parcel::Event(event)] = parcels {
            let json = match self.subscription.wrapper {
                Wrapper::None => payload(event),
                Wrapper::EventBridge => relayed(event, state.org_id),
            };
            return (json.to_string(), "application/json");
        }
        let notifications: Vec<Notification> = parcels
            .iter()
            .filter_map(|parcel| if let Parcel::Notification(n) = parcel { Some(*n) } else { None })
            .collect();
        let fields = &self.subscription.fields;
        let base = state.base_url("localhost");
        let xml = message(&state.org(), state.org_id, self.id, &base, fields, &notifications);
        (xml, "text/xml; charset=utf-8")
    }
}
