//! One part of an upload, made of rows while it is sent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use adapter_http::{BodyChunks, BodySource};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::PortError;
use shared::model::FieldValue;

use super::csv::{CsvWriter, RowRefusal};
use super::ingest_plan::{IngestPlan, IngestRow, IngestRows, RowStream};
use super::keys::{KeyDigest, canonical};

/// How much is gathered before a piece is sent.
const PIECE_BYTES: usize = 64 * 1024;

/// A part ends after so many rows that cannot go: what is known of them must stay small.
const MAX_REFUSED: usize = 10_000;

/// What a part sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// The rows that were taken from the source, those that cannot go among them.
    pub n_taken: u64,
    /// The rows that were sent.
    pub n_rows: u64,
    /// The length of the file, in bytes before it is packed.
    pub n_bytes: u64,
    /// The keys of the rows that were sent.
    pub keys: KeyDigest,
    /// Whether the source had no more rows.
    pub is_last: bool,
}

/// What is known of a part once it was sent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: Sent,
    pub(super) refused: Vec<(u64, RowRefusal)>,
}

/// Which rows of the source are in a part.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    pub(super) first: u64,
    /// The most rows that are taken.
    pub(super) n_at_most: Option<u64>,
    /// Only rows with these keys, when there are any.
    pub(super) only: Option<Arc<HashSet<String>>>,
    pub(super) max_bytes: u64,
}

/// Makes the file of a part, anew each time it is opened.
pub(super) struct PartFile {
    pub(super) plan: Arc<IngestPlan>,
    pub(super) rows: Arc<dyn IngestRows>,
    pub(super) extent: Extent,
    pub(super) tally: Arc<Mutex<Tally>>,
}

impl BodySource for PartFile {
    fn open(&self) -> BodyChunks {
        let Self { plan, rows, extent, tally } = self;
        *lock(tally) = Tally::default();
        let Ok(writer) = CsvWriter::new(&plan.columns) else {
            // The plan was checked before anything was called.
            return stream::empty().boxed();
        };
        let making = Making {
            rows: Some(rows.open(extent.first)),
            plan: plan.clone(),
            key_idx: plan.key_idx().unwrap_or_default(),
            extent: extent.clone(),
            tally: tally.clone(),
            writer,
        };
        stream::unfold(making, |mut making| async {
            let piece = making.next_piece().await;
            piece.map(|piece| (piece, making))
        })
        .boxed()
    }
}

pub(super) fn lock(tally: &Mutex<Tally>) -> std::sync::MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file while it is made.
struct Making {
    /// `None` after the last row of the part.
    rows: Option<RowStream>,
    plan: Arc<IngestPlan>,
    key_idx: usize,
    extent: Extent,
    tally: Arc<Mutex<Tally>>,
    writer: CsvWriter,
}

impl Making {
    async fn next_piece(&mut self) -> Option<Result<Bytes, PortError>> {
        while self.writer.n_bytes() < PIECE_BYTES {
            let Some(rows) = &mut self.rows else { break };
            match rows.next().await {
                Some(Ok(row)) => {
                    if !self.take(&row) {
                        self.rows = None;
                    }
                }
                Some(Err(error)) => {
                    self.rows = None;
                    self.writer.take();
                    return Some(Err(error));
                }
                None => {
                    self.rows = None;
                    lock(&self.tally).sent.is_last = true;
                }
            }
        }
        let piece = self.writer.take();
        if piece.is_empty() { None } else { Some(Ok(piece)) }
    }

    /// Adds a row; `false` when it belongs to the next part.
    fn take(&mut self, row: &IngestRow) -> bool {
        let mut tally = lock(&self.tally);
        let Tally { sent, refused } = &mut *tally;
        if self.extent.n_at_most.is_some_and(|most| sent.n_taken >= most)
            || refused.len() >= MAX_REFUSED
        {
            return false;
        }
        let number = self.extent.first + sent.n_taken;
        let key = match key_of(&self.plan, row.get(self.key_idx)) {
            Ok(key) => key,
            Err(refusal) => {
                if self.extent.only.is_none() {
                    refused.push((number, refusal));
                }
                sent.n_taken += 1;
                return true;
            }
        };
        if self.extent.only.as_ref().is_some_and(|only| !only.contains(&key)) {
            sent.n_taken += 1;
            return true;
        }
        match self.writer.prepare(row) {
            Ok(n_bytes) => {
                let n_bytes = u64::try_from(n_bytes).unwrap_or(u64::MAX);
                // One row always goes, however long it is: else nothing would ever.
                if sent.n_rows > 0 && sent.n_bytes + n_bytes > self.extent.max_bytes {
                    return false;
                }
                self.writer.keep();
                sent.keys.add(&key);
                sent.n_rows += 1;
                sent.n_bytes += n_bytes;
            }
            Err(refusal) => refused.push((number, refusal)),
        }
        sent.n_taken += 1;
        true
    }
}

/// Returns the key of a row in its one form.
fn key_of(plan: &IngestPlan, cell: Option<&Option<FieldValue>>) -> Result<String, RowRefusal> {
    let key = match cell {
        Some(Some(FieldValue::Text(text))) if !text.is_empty() => text.clone(),
        Some(Some(FieldValue::Int(number))) => number.to_string(),
        Some(Some(FieldValue::Float(number))) => number.to_string(),
        _ => return Err(RowRefusal::NoKey { column: plan.key.clone() }),
    };
    Ok(canonical(&key, plan.key_kind, plan.is_key_an_id()))
}
