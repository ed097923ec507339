//! How far each object has been read, and the newest runs.

use std::fmt;

use serde::Serialize;
use shared::ports::{OutboxDepth, SyncRun};
use shared::sync::{Cursor, LoadNote};
use shared::time::Timestamp;

use crate::exit::CommandError;
use crate::settings::Settings;

#[derive(Serialize)]
pub(super) struct Status {
    cursors: Vec<CursorLine>,
    loads: Vec<LoadLine>,
    outbox: Vec<OutboxDepth>,
    runs: Vec<SyncRun>,
}

#[derive(Serialize)]
struct CursorLine {
    object: String,
    read_up_to: Timestamp,
    window_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct LoadLine {
    object: String,
    n_read: u64,
    n_total: Option<u64>,
    started_at: Timestamp,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "read up to:")?;
        for CursorLine { object, read_up_to, .. } in &self.cursors {
            write!(f, "\n  {object:<24} {read_up_to}")?;
        }
        for LoadLine { object, n_read, n_total, started_at } in &self.loads {
            let total = n_total.map_or_else(|| "?".to_owned(), |it| it.to_string());
            write!(f, "\n  {object:<24} being loaded since {started_at}: {n_read} of {total}")?;
        }
        write!(f, "\nto be sent:")?;
        for OutboxDepth { connection, object, n_waiting, n_deletes, n_failed, .. } in &self.outbox {
            let object = format!("{connection}/{object}");
            write!(
                f,
                "\n  {object:<24} {n_waiting} wait ({n_deletes} deletions), {n_failed} failed"
            )?;
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

/// Reads where everything stands.
///
/// # Errors
///
/// When the store cannot be opened or does not answer.
pub(super) async fn status(settings: &Settings, limit: u32) -> Result<Status, CommandError> {
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
    let loads = stores
        .ledger
        .list("load/")
        .await
        .map_err(failed)?
        .into_iter()
        .filter_map(|(name, entry)| {
            let note: LoadNote = serde_json::from_str(&entry.value).ok()?;
            let LoadNote { n_read, n_total, started_at, .. } = note;
            let object = name.trim_start_matches("load/").to_owned();
            Some(LoadLine { object, n_read, n_total, started_at })
        })
        .collect();
    let outbox = stores.outbox.depths().await.map_err(failed)?;
    Ok(Status { cursors, loads, outbox, runs: stores.journal.recent(limit).await.map_err(failed)? })
}
