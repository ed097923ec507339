//! One pass: reads what changed there, applies it, and sends what was changed here.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use delta_poller::PollerGroup;
use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::Queue;
use shared::sync::{Cursor, Relay, RelayTally};
use shared::time::Timestamp;
use shared::worker::{Backoff, Message, run_batch};
use shared::{PortError, Retry};

use crate::exit::CommandError;
use crate::process::{self, Parts};
use crate::progress::Progress;
use crate::settings::Settings;

/// Messages taken from the queue at once.
const BATCH: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// Groups handled side by side.
const WIDTH: usize = 16;
const VISIBILITY: Duration = Duration::from_secs(60);
/// How long to wait before changes are read a second time.
const READ_AGAIN: Duration = Duration::from_millis(300);

#[derive(Default, Serialize)]
pub(super) struct RunAnswer {
    n_applied: u64,
    n_failed: u64,
    n_dead: u64,
    n_sent: u64,
    n_held: u64,
}

impl fmt::Display for RunAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_applied, n_failed, n_dead, n_sent, n_held } = self;
        write!(
            f,
            "{n_applied} events handled, {n_failed} to be tried again, {n_dead} set aside; \
             {n_sent} records sent, {n_held} wait for a person"
        )
    }
}

/// Runs one pass.
///
/// # Errors
///
/// When a part cannot be opened, reading fails, or an object cannot be sent.
pub(super) async fn run_once(settings: &Settings) -> Result<RunAnswer, CommandError> {
    let parts = Parts::open(settings).await?;
    let connections = parts.connections(settings)?;
    let pollers = parts.pollers(&connections, settings);
    let remotes = connections.iter().filter_map(outbox_relay::remote).collect();
    let relay = Relay::new(remotes, parts.relay_ports(), process::relay_settings(settings));
    let worker = parts.worker(connections);
    read_changes(&pollers).await?;
    let progress = Progress::start("events");
    let mut answer = drain(&parts, &worker, &progress)
        .await
        .map_err(|error| CommandError::failed("apply changes", error))?;
    progress.finish();
    let sent = relay.run(None).await;
    let RelayTally { n_sent, n_held, .. } =
        sent.map_err(|failure| CommandError::failed("send what was changed here", failure))?;
    (answer.n_sent, answer.n_held) = (n_sent, n_held);
    let costs = parts.cost_keeper(settings);
    let written = host::Flush::flush(&costs).await;
    written.map_err(|error| CommandError::failed("write what it cost", error))?;
    Ok(answer)
}

/// Reads what changed over there; once more when it fails, for a host beside may just have moved on
/// from the place that was read from.
async fn read_changes(pollers: &PollerGroup) -> Result<(), CommandError> {
    if pollers.poll().await.is_ok() {
        return Ok(());
    }
    tokio::time::sleep(READ_AGAIN).await;
    pollers.poll().await.map_err(|failure| CommandError::failed("read changes", failure))
}

/// Handles what is ready until nothing is.
async fn drain(
    parts: &Parts,
    worker: &sync_worker::SyncWorker,
    progress: &Progress,
) -> Result<RunAnswer, PortError> {
    let mut answer = RunAnswer::default();
    loop {
        let batch = parts.queue.receive(BATCH, VISIBILITY, Duration::ZERO).await?;
        if batch.is_empty() {
            return Ok(answer);
        }
        let messages = batch
            .iter()
            .map(|it| Message {
                id: it.id.clone(),
                body: it.body.clone(),
                group: it.group.clone(),
                attempt: it.attempt,
                trace_parent: it.trace_parent.clone(),
            })
            .collect();
        let report = run_batch(worker, messages, WIDTH).await;
        let mut done = Vec::with_capacity(batch.len());
        for delivery in batch {
            match report.failed.iter().find(|(id, _)| *id == delivery.id) {
                None => done.push(delivery),
                Some((_, failure)) => {
                    settle(parts, &*parts.queue, &delivery, failure, &mut answer).await?;
                }
            }
        }
        parts.queue.ack(&done).await?;
        answer.n_applied += done.len() as u64;
        progress.set(answer.n_applied);
    }
}

async fn settle(
    parts: &Parts,
    queue: &dyn Queue,
    delivery: &shared::ports::Delivery,
    failure: &shared::worker::Failure,
    answer: &mut RunAnswer,
) -> Result<(), PortError> {
    match failure.retry() {
        Retry::Never => {
            answer.n_dead += 1;
            queue.bury(delivery, failure.reason()).await
        }
        Retry::After(asked) => {
            answer.n_failed += 1;
            let delay = Backoff::default().delay(delivery.attempt, asked, &*parts.random);
            queue.release(delivery, delay, failure.reason()).await
        }
    }
}

#[derive(Serialize)]
pub(super) struct Reloading {
    connection: ConnectionId,
    object: ObjectName,
}

impl fmt::Display for Reloading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection, object } = self;
        write!(f, "`{object}` of `{connection}` is read from the start at the next poll")
    }
}

/// Sets the cursor of an object back to the start.
///
/// # Errors
///
/// When there is no such object, or the store does not answer.
pub(super) async fn reload(
    settings: &Settings,
    connection: &ConnectionId,
    object: &ObjectName,
) -> Result<Reloading, CommandError> {
    let parts = Parts::open(settings).await?;
    let opened = parts.connections(settings)?;
    let found = opened.iter().find(|it| &it.connection == connection);
    let mapping = found.and_then(|it| it.mappings.get(object)).ok_or_else(|| {
        let what =
            format!("`{object}` of `{connection}` is not mapped: see `moodbridge sync status`");
        CommandError::failed("find the object", what)
    })?;
    let object = mapping.object.clone();
    let failed = |error: PortError| CommandError::failed("set the cursor back", error);
    let name = Cursor::ledger_name(connection, &object);
    let ledger = &parts.stores.ledger;
    let revision = ledger.get(&name).await.map_err(failed)?.map_or(0, |it| it.revision);
    let start = serde_json::to_string(&Cursor::resting(Timestamp::EPOCH))
        .map_err(|error| CommandError::failed("write the cursor", error))?;
    ledger.put(&name, &start, revision).await.map_err(failed)?;
    Ok(Reloading { connection: connection.clone(), object })
}
