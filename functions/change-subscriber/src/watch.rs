//! What is told of the streams: to the metrics, and to people by way of the ledger.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::gauge;
use shared::ids::ConnectionId;
use shared::ports::{Ledger, StreamHealth, StreamStatus};
use shared::time::Timestamp;
use shared::{PortError, PortErrorKind, chain};
use tracing::warn;

/// What is written is written again when it changed, or after so long: readers take a status that is
/// older than a quarter of an hour for unknown.
const WRITE_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// How long events are kept. Source: Change Data Capture guide, "Event Retention".
const RETENTION: Duration = Duration::from_hours(72);

/// Tells how streams do.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// What was last written of each stream, by its name in the ledger.
    written: BTreeMap<String, StreamStatus>,
    /// When an event of each stream came last before this process began.
    before: BTreeMap<String, Option<Timestamp>>,
}

impl Watch {
    /// Tells how the streams of `connection` do at `now`.
    ///
    /// The status is for people: without it the streams go on, and a fault here is only logged.
    pub(crate) async fn tell(
        &mut self,
        ledger: &dyn Ledger,
        connection: &ConnectionId,
        streams: &[StreamHealth],
        now: Timestamp,
    ) {
        for health in streams {
            let name = StreamStatus::ledger_name(connection, &health.topic);
            let mut health = health.clone();
            if health.last_event_at.is_none() {
                health.last_event_at = self.event_before(ledger, &name).await;
            }
            measure(connection, &health, now);
            let status = StreamStatus::of(connection, &health, now);
            if self.written.get(&name).is_some_and(|it| is_fresh(it, &status)) {
                continue;
            }
            match write(ledger, &name, &status).await {
                Ok(()) => {
                    self.written.insert(name, status);
                }
                Err(error) => {
                    warn!(connection = %connection, error = %chain(&error),
                        "the status of the stream of `{}` was not written", health.topic);
                }
            }
        }
    }
}

impl Watch {
    /// Returns when an event came last before this process began: a run in the cloud that finds nothing
    /// must not hide that nothing came for days.
    async fn event_before(&mut self, ledger: &dyn Ledger, name: &str) -> Option<Timestamp> {
        if !self.before.contains_key(name) {
            let entry = ledger.get(name).await.ok()?;
            let status = entry.and_then(|it| serde_json::from_str::<StreamStatus>(&it.value).ok());
            self.before.insert(name.to_owned(), status.and_then(|it| it.last_event_at));
        }
        self.before.get(name).copied().flatten()
    }
}

fn is_fresh(written: &StreamStatus, now: &StreamStatus) -> bool {
    (written.status, &written.detail) == (now.status, &now.detail)
        && now.checked_at.since(written.checked_at) < WRITE_AGAIN_AFTER
}

#[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
fn measure(connection: &ConnectionId, health: &StreamHealth, now: Timestamp) {
    let labels = [("connection", connection.to_string()), ("topic", health.topic.to_string())];
    let age = |at: Option<Timestamp>| now.since(at.unwrap_or(health.since)).as_secs_f64();
    gauge!("pubsub_silence_seconds", &labels).set(age(health.last_message_at));
    gauge!("pubsub_event_age_seconds", &labels).set(age(health.last_event_at));
    // Without a place that is kept, the stream begins with the oldest event there is.
    let until = health.replayable_until.unwrap_or_else(|| health.since.plus(RETENTION));
    // Below zero once it is too late.
    let left_ms = until.as_millis().saturating_sub(now.as_millis());
    gauge!("pubsub_replayable_seconds", &labels).set(left_ms as f64 / 1000.0);
}

async fn write(ledger: &dyn Ledger, name: &str, status: &StreamStatus) -> Result<(), PortError> {
    let value = serde_json::to_string(status).map_err(|error| {
        PortError::new(PortErrorKind::Rejected, "ledger", "put", name).with_source(error)
    })?;
    let revision = ledger.get(name).await?.map_or(0, |it| it.revision);
    ledger.put(name, &value, revision).await.map(drop)
}
