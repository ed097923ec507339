//! Long uploads: in parts, in bounded memory, gone on with after the process was killed.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};

use crate::error::{PortError, PortErrorKind};
use crate::ports::{
    Blob, BlobKey, BlobStore, NewUpload, PartTag, RunningSha256, Sha256Digest, Upload,
};

/// Parts on their way at once; so many lie in memory, and one that is being filled.
const WIDTH: usize = 4;
/// The usual length of a part, in bytes.
const PART_BYTES: usize = 8 << 20;

/// Keeps what an upload has come to.
#[async_trait]
pub trait UploadJournal: Send + Sync {
    /// Saves `state`, a text, in place of what was saved of this upload before.
    ///
    /// # Errors
    ///
    /// As the store of the journal answers; the upload then stops, to be gone on with.
    async fn save(&self, state: &str) -> Result<(), PortError>;

    /// Hears how many bytes the store has taken, those of the processes before among them.
    fn progress(&self, n_bytes: u64);
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    upload: Upload,
    part_bytes: usize,
    /// By their places; parts are not taken in order.
    parts: Vec<Option<Sent>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sent {
    tag: PartTag,
    sha256: Sha256Digest,
    n_bytes: u64,
}

impl State {
    fn n_bytes(&self) -> u64 {
        self.parts.iter().flatten().map(|it| it.n_bytes).sum()
    }

    fn has(&self, number: usize, sha256: Sha256Digest) -> bool {
        matches!(self.parts.get(number), Some(Some(sent)) if sent.sha256 == sha256)
    }

    fn keep(&mut self, number: usize, sent: Sent) {
        if self.parts.len() <= number {
            self.parts.resize(number + 1, None);
        }
        if let Some(place) = self.parts.get_mut(number) {
            *place = Some(sent);
        }
    }
}

/// Puts the bytes of `source` under `key` in parts.
///
/// `state` is what `journal` saved last of the same upload, `None` to begin; `source` begins at the
/// first byte in any case. Parts that the store has already, byte for byte, are passed over; where the
/// source has changed since, its parts are sent anew. When it fails the upload stays open: go on with the
/// last state, or abandon it.
///
/// # Errors
///
/// `NotFound` when the store has forgotten the upload: begin without a state. `Rejected` when `state` is
/// of another key or the bytes have another digest than was told, else as the source, the store or the
/// journal answers.
pub async fn upload<S>(
    store: &dyn BlobStore,
    key: &BlobKey,
    options: &NewUpload,
    source: S,
    state: Option<&str>,
    journal: &dyn UploadJournal,
) -> Result<Blob, PortError>
where
    S: Stream<Item = Result<Bytes, PortError>> + Send + Unpin,
{
    let mut state = match state {
        Some(saved) => taken_up(key, saved)?,
        None => begun(store, key, options, journal).await?,
    };
    let mut source = Parts { source, part: BytesMut::new(), part_bytes: state.part_bytes };
    let mut on_their_way = FuturesUnordered::new();
    let (mut whole, mut n_parts, mut is_over) = (RunningSha256::default(), 0, false);
    journal.progress(state.n_bytes());
    loop {
        while !is_over && on_their_way.len() < WIDTH {
            let Some(part) = source.next().await? else {
                is_over = true;
                break;
            };
            whole.update(&part);
            let sha256 = Sha256Digest::of(&part);
            if !state.has(n_parts, sha256) {
                on_their_way.push(send(store, state.upload.clone(), n_parts, part, sha256));
            }
            n_parts += 1;
        }
        let Some(sent) = on_their_way.next().await else { break };
        let (number, sent) = sent?;
        state.keep(number, sent);
        save(&state, journal).await?;
        journal.progress(state.n_bytes());
    }
    let other = |why: &'static str| {
        PortError::new(PortErrorKind::Rejected, "blob store", "upload", key.as_str())
            .with_source(why)
    };
    if options.sha256.is_some_and(|it| it != whole.finish()) {
        return Err(other("the source has another digest than was told"));
    }
    // A source that became shorter leaves parts behind its end.
    state.parts.truncate(n_parts);
    let tags: Vec<PartTag> = state.parts.iter().flatten().map(|it| it.tag.clone()).collect();
    if tags.len() != n_parts {
        return Err(other("the saved state lacks a part"));
    }
    store.complete(&state.upload, &tags).await
}

/// Reads what a process before has saved.
fn taken_up(key: &BlobKey, saved: &str) -> Result<State, PortError> {
    let fault = || PortError::new(PortErrorKind::Rejected, "blob store", "upload", key.as_str());
    let state: State = serde_json::from_str(saved)
        .map_err(|_| fault().with_source("the saved state is not that of an upload"))?;
    if state.upload.key != *key {
        let text = format!("the saved state is of `{}`", state.upload.key);
        return Err(fault().with_source(text));
    }
    Ok(State { part_bytes: state.part_bytes.max(1), ..state })
}

async fn begun(
    store: &dyn BlobStore,
    key: &BlobKey,
    options: &NewUpload,
    journal: &dyn UploadJournal,
) -> Result<State, PortError> {
    let upload = store.begin(key, options).await?;
    let part_bytes = PART_BYTES.max(store.part_limits().min_bytes.get());
    let state = State { upload, part_bytes, parts: Vec::new() };
    // Before the first part: else one that was killed would leave parts that nobody knows of.
    save(&state, journal).await?;
    Ok(state)
}

async fn save(state: &State, journal: &dyn UploadJournal) -> Result<(), PortError> {
    let text = serde_json::to_string(state).map_err(|error| {
        let key = state.upload.key.as_str();
        PortError::new(PortErrorKind::Rejected, "blob store", "upload", key).with_source(error)
    })?;
    journal.save(&text).await
}

async fn send(
    store: &dyn BlobStore,
    upload: Upload,
    number: usize,
    part: Bytes,
    sha256: Sha256Digest,
) -> Result<(usize, Sent), PortError> {
    let n_bytes = part.len() as u64;
    let place = u32::try_from(number).unwrap_or(u32::MAX);
    let tag = store.put_part(&upload, place, part).await?;
    Ok((number, Sent { tag, sha256, n_bytes }))
}

/// Cuts a stream into parts of one length, the last one shorter.
struct Parts<S> {
    source: S,
    part: BytesMut,
    part_bytes: usize,
}

impl<S> Parts<S>
where
    S: Stream<Item = Result<Bytes, PortError>> + Send + Unpin,
{
    async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        while self.part.len() < self.part_bytes {
            match self.source.next().await {
                Some(some) => self.part.extend_from_slice(&some?),
                None => break,
            }
        }
        let n_bytes = self.part.len().min(self.part_bytes);
        Ok((n_bytes > 0).then(|| self.part.split_to(n_bytes).freeze()))
    }
}

#[cfg(test)]
mod tests;
