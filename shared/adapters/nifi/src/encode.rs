//! A batch of flow files as the body of a request: written while it is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use adapter_http::{BodyChunks, BodySource};
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared::ids::CorrelationId;
use shared::ports::flow_files::{
    CORRELATION_ATTRIBUTE, ContentChunks, FlowFile, FlowFileSource, FlowFiles,
};
use shared::{PortError, PortErrorKind};

use crate::PLATFORM;
use crate::packet::{Format, write_head};

/// Small flow files are gathered up to this before they go out.
const CHUNK_BYTES: usize = 64 * 1024;

/// What went out in the last attempt.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) n_files: u64,
    /// Of content.
    pub(crate) n_bytes: u64,
    /// Over every byte that was written.
    checksum: crc32fast::Hasher,
}

impl Tally {
    /// Returns the CRC32 of what was written.
    pub(crate) fn checksum(&self) -> u32 {
        self.checksum.clone().finalize()
    }
}

/// A content that is not as long as it was said to be.
#[derive(Debug, thiserror::Error)]
#[error("the content of a flow file was told as {told} bytes, and has {found}")]
struct WrongLength {
    told: u64,
    found: &'static str,
}

/// A batch with at least one flow file.
#[derive(Clone)]
pub(crate) struct Batch {
    source: Arc<dyn FlowFileSource>,
    /// What was opened to see whether there is anything: the first attempt goes on with it.
    opened: Arc<Mutex<Option<FlowFiles>>>,
    format: Format,
    correlation: CorrelationId,
    tally: Arc<Mutex<Tally>>,
}

impl Batch {
    /// Opens `source`; `None` when it gives nothing.
    pub(crate) async fn open(
        source: Arc<dyn FlowFileSource>,
        format: Format,
        correlation: &CorrelationId,
    ) -> Result<Option<Self>, PortError> {
        let mut files = source.open();
        let Some(first) = files.try_next().await? else { return Ok(None) };
        let opened = stream::once(async { Ok(first) }).chain(files).boxed();
        Ok(Some(Self {
            source,
            opened: Arc::new(Mutex::new(Some(opened))),
            format,
            correlation: correlation.clone(),
            tally: Arc::default(),
        }))
    }

    /// Returns what went out in the last attempt.
    pub(crate) fn tally(&self) -> Tally {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BodySource for Batch {
    fn open(&self) -> BodyChunks {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let files = opened.unwrap_or_else(|| self.source.open());
        *self.lock() = Tally::default();
        let writing =
            Writing { batch: self.clone(), files, content: None, buffer: BytesMut::new() };
        stream::try_unfold(writing, Writing::next).boxed()
    }
}

/// A content on its way out.
struct Content {
    chunks: ContentChunks,
    n_left: u64,
    told: u64,
}

/// A batch on its way out.
struct Writing {
    batch: Batch,
    files: FlowFiles,
    content: Option<Content>,
    buffer: BytesMut,
}

impl Writing {
    /// Returns the next piece; memory holds one piece of content beside it.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, PortError> {
        loop {
            if self.buffer.len() >= CHUNK_BYTES {
                return Ok(Some(self.cut()));
            }
            if let Some(content) = &mut self.content {
                match content.next().await? {
                    Some(chunk) => self.buffer.extend_from_slice(&chunk),
                    None => self.content = None,
                }
                continue;
            }
            match self.files.try_next().await? {
                Some(file) => self.begin(file)?,
                None if self.buffer.is_empty() => return Ok(None),
                None => return Ok(Some(self.cut())),
            }
        }
    }

    fn begin(&mut self, file: FlowFile) -> Result<(), PortError> {
        let file = match file.attributes().contains_key(CORRELATION_ATTRIBUTE) {
            true => file,
            false => {
                let id = self.batch.correlation.as_str();
                file.with(CORRELATION_ATTRIBUTE, id).map_err(refused)?
            }
        };
        let attributes = file.attributes().iter().map(|(name, value)| (&**name, &**value));
        let told = file.content.n_bytes;
        write_head(self.batch.format, attributes, told, &mut self.buffer).map_err(refused)?;
        let mut tally = self.batch.lock();
        tally.n_files += 1;
        tally.n_bytes += told;
        self.content = Some(Content { chunks: file.content.chunks, n_left: told, told });
        drop(tally);
        Ok(())
    }

    fn cut(mut self) -> (Bytes, Self) {
        let piece = self.buffer.split().freeze();
        self.batch.lock().checksum.update(&piece);
        (piece, self)
    }
}

impl Content {
    async fn next(&mut self) -> Result<Option<Bytes>, PortError> {
        let wrong = |found| refused(WrongLength { told: self.told, found });
        match self.chunks.try_next().await? {
            Some(chunk) => {
                let n_bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                self.n_left = self.n_left.checked_sub(n_bytes).ok_or_else(|| wrong("more"))?;
                Ok(Some(chunk))
            }
            None if self.n_left > 0 => Err(wrong("fewer")),
            None => Ok(None),
        }
    }
}

fn refused(why: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, "write", "flow file").with_source(why)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const N_FILES: usize = 2_000;
    const FILE_BYTES: usize = 100_000;

    /// Counts how many bytes of content were asked for and not yet handed on.
    fn endless(asked: &Arc<AtomicUsize>) -> Arc<dyn FlowFileSource> {
        let asked = asked.clone();
        Arc::new(move || -> FlowFiles {
            let asked = asked.clone();
            let file = move |_| {
                asked.fetch_add(FILE_BYTES, Ordering::Relaxed);
                Ok(FlowFile::new(Bytes::from(vec![7; FILE_BYTES])))
            };
            stream::iter((0..N_FILES).map(file)).boxed()
        })
    }

    #[tokio::test]
    async fn batch_of_200_megabytes_is_written_while_it_is_sent() {
        let asked = Arc::new(AtomicUsize::new(0));
        let id = CorrelationId::parse("c").unwrap();
        let batch = Batch::open(endless(&asked), Format::Packet, &id).await.unwrap().unwrap();
        let (mut body, mut n_sent, mut most) = (BodySource::open(&batch), 0, 0);
        while let Some(piece) = body.try_next().await.unwrap() {
            n_sent += piece.len();
            most = most.max(asked.load(Ordering::Relaxed).saturating_sub(n_sent));
        }
        assert!(n_sent > N_FILES * FILE_BYTES, "{n_sent}");
        assert!(most <= 2 * FILE_BYTES, "{most} bytes were held");
        let tally = batch.tally();
        assert_eq!((tally.n_files, tally.n_bytes), (2_000, 200_000_000));
    }

    #[tokio::test]
    async fn attempt_that_is_made_again_is_counted_and_summed_anew() {
        let source: Arc<dyn FlowFileSource> = Arc::new(|| -> FlowFiles {
            stream::iter([Ok(FlowFile::new(Bytes::from_static(b"abc")))]).boxed()
        });
        let id = CorrelationId::parse("c").unwrap();
        let batch = Batch::open(source, Format::Packet, &id).await.unwrap().unwrap();
        let mut sums = Vec::new();
        for _ in 0..2 {
            let body: Vec<Bytes> = BodySource::open(&batch).try_collect().await.unwrap();
            assert_eq!(batch.tally().n_files, 1);
            assert_eq!(batch.tally().checksum(), crc32fast::hash(&body.concat()));
            sums.push(batch.tally().checksum());
        }
        assert_eq!(sums[0], sums[1]);
    }
}
