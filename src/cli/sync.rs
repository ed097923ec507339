//! `moodbridge sync`: one pass now, or how far reading has come.

use std::fmt;
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use shared::ports::{Queue, SyncRun};
use shared::sync::Cursor;
use shared::time::Timestamp;
use shared::worker::{Backoff, Message, run_batch};
use shared::{PortError, Retry};

use crate::exit::{CommandError, SUCCESS};
use crate::output::Output;
use crate::process::Parts;
use crate::progress::Progress;
use crate::settings::Settings;

/// What to do about reading changes.
#[derive(Debug, Subcommand)]
pub(crate) enum SyncCommand {
    /// Reads what changed at every connection and applies it, then ends.
    Run,
    /// Lists how far each object has been read, and the newest runs.
    Status {
        /// How many runs to list.
        #[arg(long, default_value_t = 10)]
        limit: u32,
    },
}

/// Messages taken from the queue at once.
const BATCH: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// Groups handled side by side.
const WIDTH: usize = 16;
const VISIBILITY: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct RunAnswer {
    n_applied: u64,
    n_failed: u64,
    n_dead: u64,
}

impl fmt::Display for RunAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_applied, n_failed, n_dead } = self;
        write!(f, "{n_applied} events handled, {n_failed} to be tried again, {n_dead} set aside")
    }
}

#[derive(Serialize)]
struct Status {
    cursors: Vec<CursorLine>,
    runs: Vec<SyncRun>,
}

#[derive(Serialize)]
struct CursorLine {
    object: String,
    read_up_to: Timestamp,
    window_until: Option<Timestamp>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read up to:")?;
        for CursorLine { object, read_up_to, .. } in &self.cursors {
            write!(f, "\n  {object:<24} {read_up_to}")?;
        }
        write!(f, "\nruns:")?;
        for run in &self.runs {
            let outcome = run.error.as_deref().unwrap_or(match run.ended_at {
                Some(_) => "done",
                None => "under way",
            });
            write!(
                f,
                "\n  {}  {:<24} {} read, {} queued, {outcome}",
                run.started_at,
                format!("{}/{}", run.connection, run.object),
                run.n_read,
                run.n_queued
            )?;
        }
        Ok(())
    }
}

/// Runs `command`.
///
/// # Errors
///
/// When a part cannot be opened, or reading fails.
pub(crate) async fn run(
    command: SyncCommand,
    settings: &Settings,
    output: Output,
) -> Result<ExitCode, CommandError> {
    let printed = match command {
        SyncCommand::Run => output.answer(&run_once(settings).await?),
        SyncCommand::Status { limit } => output.answer(&status(settings, limit).await?),
    };
    printed.map_err(|error| CommandError::failed("print the answer", error))?;
    Ok(SUCCESS.into())
}

async fn run_once(settings: &Settings) -> Result<RunAnswer, CommandError> {
    let parts = Parts::open(settings).await?;
    let connections = parts.connections(settings)?;
    let pollers = parts.pollers(&connections, settings);
    let worker = parts.worker(connections);
    pollers.poll().await.map_err(|failure| CommandError::failed("read changes", failure))?;
    let progress = Progress::start("events");
    let answer = drain(&parts, &worker, &progress)
        .await
        .map_err(|error| CommandError::failed("apply changes", error))?;
    progress.finish();
    let costs = parts.cost_keeper(settings);
    let written = host::Flush::flush(&costs).await;
    written.map_err(|error| CommandError::failed("write what it cost", error))?;
    Ok(answer)
}

/// Handles what is ready until nothing is.
async fn drain(
    parts: &Parts,
    worker: &sync_worker::SyncWorker,
    progress: &Progress,
) -> Result<RunAnswer, PortError> {
    let mut answer = RunAnswer { n_applied: 0, n_failed: 0, n_dead: 0 };
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

async fn status(settings: &Settings, limit: u32) -> Result<Status, CommandError> {
    let stores = settings.open_stores().await?;
    let failed = |error| CommandError::failed("read the sync status", error);
    let cursors = stores
        .ledger
        .list("cursor/")
        .await
        .map_err(failed)?
        .into_iter()
        .filter_map(|(name, entry)| {
            let cursor: Cursor = serde_json::from_str(&entry.value).ok()?;
            Some(CursorLine {
                object: name.trim_start_matches("cursor/").to_owned(),
                read_up_to: cursor.at,
                window_until: cursor.until,
            })
        })
        .collect();
    Ok(Status { cursors, runs: stores.journal.recent(limit).await.map_err(failed)? })
}
