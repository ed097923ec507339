//! Sends the change rows on as flow files: in order, from where it stopped, at least once.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use metrics::{counter, gauge};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tracing::info;

use crate::error::PortError;
use crate::ports::flow_files::{
    CORRELATION_ATTRIBUTE, FlowFile, FlowFileSink, FlowFileSource, FlowFiles, InvalidAttribute,
    Receipt,
};
use crate::ports::{ChangeFeed, ChangeRow, Clock, Ledger, LedgerEntry, Random};
use crate::time::Timestamp;

/// Changes of one batch, unless said otherwise: some 300 KiB.
const BATCH: u32 = 1_000;

/// What changes are sent with.
#[derive(Clone)]
pub struct DispatchPorts {
    /// The change rows.
    pub feed: Arc<dyn ChangeFeed>,
    /// Where they go.
    pub sink: Arc<dyn FlowFileSink>,
    /// Where it is kept how far they were sent.
    pub ledger: Arc<dyn Ledger>,
    /// The time here.
    pub clock: Arc<dyn Clock>,
    /// Names runs.
    pub random: Arc<dyn Random>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DispatchTally {
    /// Changes that were taken.
    pub n_changes: u64,
    /// Batches that they were sent in.
    pub n_batches: u64,
    /// The last change that was taken.
    pub position: u64,
    /// Changes that are still to come, at the end of the run.
    pub n_behind: u64,
}

/// Why changes cannot be sent on.
#[derive(Debug, thiserror::Error)]
pub enum DispatchError {
    /// A port failed. What was taken until then is noted; the next run goes on behind it.
    #[error("changes after {position} were not sent")]
    Port {
        /// The last change that was taken.
        position: u64,
        /// Why not.
        source: PortError,
    },
    /// What the ledger holds is not a position.
    #[error("`{name}` in the ledger is no position: begin with `--from`")]
    Foreign {
        /// The entry.
        name: String,
    },
    /// The feed ends before the position: another case store, or an older copy of it.
    #[error("change {position} was sent, and the newest is {newest}: begin with `--from`")]
    StoreIsBehind {
        /// The last change that was taken.
        position: u64,
        /// The newest change there is.
        newest: u64,
    },
}

/// Sends the change rows to one place.
///
/// The position is saved after each batch that was taken. A run that is killed in between sends that
/// batch again; two runs at once send their batches twice, and one of them then stops with a conflict.
pub struct ChangeDispatch {
    ports: DispatchPorts,
    name: String,
    batch: u32,
}

impl ChangeDispatch {
    /// Sends through `ports` to `target`, whose name keeps its position apart from others'.
    pub fn new(ports: DispatchPorts, target: &str) -> Self {
        let digest = Sha256::digest(target);
        let short: String = digest.iter().take(8).map(|it| format!("{it:02x}")).collect();
        Self { ports, name: format!("dispatch/changes/{short}"), batch: BATCH }
    }

    /// Sends `n_most` changes at once.
    #[must_use]
    pub fn with_batch(self, n_most: u32) -> Self {
        Self { batch: n_most.max(1), ..self }
    }

    /// Returns the last change that was taken, 0 before the first.
    ///
    /// # Errors
    ///
    /// [`DispatchError`] when the ledger fails or holds something else.
    pub async fn position(&self) -> Result<u64, DispatchError> {
        let entry = self.entry().await?;
        self.position_in(entry)
    }

    /// Sends every change from `from` on, or from behind the last that was taken, until there is no
    /// more or `until` has come.
    ///
    /// # Errors
    ///
    /// [`DispatchError`]. The next run goes on behind what was taken.
    pub async fn run(
        &self,
        from: Option<u64>,
        until: Option<Timestamp>,
    ) -> Result<DispatchTally, DispatchError> {
        let entry = self.entry().await?;
        let mut revision = entry.as_ref().map_or(0, |it| it.revision);
        let position = match from {
            Some(from) => from.saturating_sub(1),
            None => self.position_in(entry)?,
        };
        let mut tally = DispatchTally { position, ..DispatchTally::default() };
        self.compare_ends(&mut tally).await?;
        while until.is_none_or(|until| self.ports.clock.now() < until) {
            let failed = |source| DispatchError::Port { position: tally.position, source };
            let page = self.ports.feed.changes_after(tally.position, self.batch).await;
            let page = page.map_err(failed)?;
            let Some(last) = page.last().map(|it| it.seq) else { break };
            let correlation = self.ports.random.correlation_id();
            let sent = self.ports.sink.send(batch_of(page), &correlation).await;
            let Receipt { n_files, pause, .. } = sent.map_err(failed)?;
            let saved = self.ports.ledger.put(&self.name, &last.to_string(), revision).await;
            revision = saved.map_err(failed)?;
            counter!("dispatch_changes_total").increment(n_files);
            tally.position = last;
            tally.n_changes += n_files;
            tally.n_batches += 1;
            info!(n_rows = n_files, "sent changes up to {last}");
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
        }
        self.compare_ends(&mut tally).await?;
        Ok(tally)
    }

    async fn entry(&self) -> Result<Option<LedgerEntry>, DispatchError> {
        let found = self.ports.ledger.get(&self.name).await;
        found.map_err(|source| DispatchError::Port { position: 0, source })
    }

    fn position_in(&self, entry: Option<LedgerEntry>) -> Result<u64, DispatchError> {
        let foreign = |_| DispatchError::Foreign { name: self.name.clone() };
        entry.map_or(Ok(0), |it| it.value.parse().map_err(foreign))
    }

    async fn compare_ends(&self, tally: &mut DispatchTally) -> Result<(), DispatchError> {
        let position = tally.position;
        let newest = self.ports.feed.newest_change().await;
        let newest = newest.map_err(|source| DispatchError::Port { position, source })?;
        if newest < position {
            return Err(DispatchError::StoreIsBehind { position, newest });
        }
        tally.n_behind = newest - position;
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!("dispatch_changes_behind").set(tally.n_behind as f64);
        Ok(())
    }
}

/// Makes a batch of changes. They are read once, so that a batch that is sent again is the same.
fn batch_of(page: Vec<ChangeRow>) -> Arc<dyn FlowFileSource> {
    let page = Arc::new(page);
    Arc::new(move || -> FlowFiles {
        let page = Arc::clone(&page);
        let files = (0..page.len()).filter_map(move |idx| page.get(idx).map(flow_file));
        stream::iter(files).boxed()
    })
}

/// What is sent of a change. Its label is left out, for it names a person; so are names of fields that
/// are no columns, for they tell whom a wall screens.
#[derive(Serialize)]
struct SentChange<'a> {
    seq: u64,
    at: Timestamp,
    entity: &'static str,
    entity_id: &'a str,
    kind: &'static str,
    fields: Vec<&'a str>,
    correlation_id: &'a str,
}

fn flow_file(row: &ChangeRow) -> Result<FlowFile, PortError> {
    let columns = row.entity.columns();
    let change = SentChange {
        seq: row.seq,
        at: row.at,
        entity: row.entity.as_str(),
        entity_id: row.entity_id.as_str(),
        kind: row.kind.as_str(),
        fields: row.fields.iter().map(String::as_str).filter(|it| columns.contains(it)).collect(),
        correlation_id: row.correlation_id.as_str(),
    };
    let unfit =
        || PortError::new(crate::PortErrorKind::Rejected, "changes", "write", row.seq.to_string());
    let content = serde_json::to_vec(&change).map_err(|error| unfit().with_source(error))?;
    let with_attributes = || -> Result<FlowFile, InvalidAttribute> {
        FlowFile::new(Bytes::from(content))
            .with("filename", format!("change-{}.json", change.seq))?
            .with("mime.type", "application/json")?
            .with("change.seq", change.seq.to_string())?
            .with("change.entity", change.entity)?
            .with("change.entity_id", change.entity_id)?
            .with("change.kind", change.kind)?
            .with(CORRELATION_ATTRIBUTE, change.correlation_id)
    };
    with_attributes().map_err(|error| unfit().with_source(error))
}

#[cfg(test)]
mod tests;
