//! What a request sends: bytes that are there, or a stream that is made anew for each attempt.

use std::fmt;
use std::io::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use shared::PortError;

/// Below this a body is sent as it is: gzip adds about 20 bytes and gains nothing.
const MIN_PACKED_BYTES: usize = 1024;

/// The pieces of a body, in order.
pub type BodyChunks = BoxStream<'static, Result<Bytes, PortError>>;

/// Makes the body of a request, once for each attempt: memory stays flat however long it is.
pub trait BodySource: Send + Sync {
    /// Opens the body at its beginning. A piece that is an error ends the attempt with that error,
    /// and the platform sees a request that was cut off.
    fn open(&self) -> BodyChunks;
}

impl<F: Fn() -> BodyChunks + Send + Sync> BodySource for F {
    fn open(&self) -> BodyChunks {
        self()
    }
}

/// The body of a request.
#[derive(Clone)]
pub(crate) enum Body {
    Whole(Bytes),
    Streamed(Streamed),
}

/// A body that is made while it is sent.
#[derive(Clone)]
pub(crate) struct Streamed {
    source: Arc<dyn BodySource>,
    is_packed: bool,
    /// What went out over all attempts.
    n_bytes: Arc<AtomicU64>,
    broken: Arc<Mutex<Option<PortError>>>,
}

impl Body {
    pub(crate) fn streamed(source: Arc<dyn BodySource>) -> Self {
        Self::Streamed(Streamed {
            source,
            is_packed: false,
            n_bytes: Arc::default(),
            broken: Arc::default(),
        })
    }

    /// Packs the body with gzip, a stream while it is sent; tells whether it did.
    pub(crate) fn pack(&mut self) -> bool {
        match self {
            Self::Whole(bytes) if bytes.len() < MIN_PACKED_BYTES => false,
            Self::Whole(bytes) => {
                *bytes = packed(bytes);
                true
            }
            Self::Streamed(streamed) => {
                streamed.is_packed = true;
                true
            }
        }
    }

    /// Returns the bytes that were sent, over all attempts when it is a stream.
    pub(crate) fn n_bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Streamed(streamed) => streamed.n_bytes.load(Ordering::Relaxed),
        }
    }

    /// Opens the body for one attempt.
    pub(crate) fn open(&self) -> reqwest::Body {
        match self {
            Self::Whole(bytes) => bytes.clone().into(),
            Self::Streamed(streamed) => reqwest::Body::wrap_stream(streamed.open()),
        }
    }

    /// Takes the error that ended the last attempt's stream.
    pub(crate) fn take_broken(&self) -> Option<PortError> {
        match self {
            Self::Whole(_) => None,
            Self::Streamed(it) => it.broken.lock().unwrap_or_else(PoisonError::into_inner).take(),
        }
    }
}

/// Packs `bytes`; speed is worth more here than the last tenth of size.
fn packed(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    // A vector takes every byte.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default().into()
}

/// A stream that its source broke off; the error itself waits in the body.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be made")]
struct BrokenOff;

impl Streamed {
    fn open(&self) -> Sent {
        let packer = self.is_packed.then(|| GzEncoder::new(Vec::new(), Compression::fast()));
        Sent { chunks: Some(self.source.open()), packer, body: self.clone() }
    }
}

/// A stream on its way out: packed, counted, its error kept.
struct Sent {
    /// `None` after the last piece.
    chunks: Option<BodyChunks>,
    packer: Option<GzEncoder<Vec<u8>>>,
    body: Streamed,
}

impl Sent {
    /// Packs `chunk`; empty while the packer still gathers.
    fn pack(&mut self, chunk: Bytes) -> Bytes {
        let Some(packer) = &mut self.packer else { return chunk };
        let _ = packer.write_all(&chunk);
        std::mem::take(packer.get_mut()).into()
    }

    fn last(&mut self) -> Bytes {
        self.packer.take().and_then(|it| it.finish().ok()).unwrap_or_default().into()
    }
}

impl Stream for Sent {
    type Item = Result<Bytes, BrokenOff>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(chunks) = &mut self.chunks else { return Poll::Ready(None) };
            let piece = match chunks.as_mut().poll_next(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(chunk))) => self.pack(chunk),
                Poll::Ready(Some(Err(error))) => {
                    self.chunks = None;
                    let mut broken =
                        self.body.broken.lock().unwrap_or_else(PoisonError::into_inner);
                    *broken = Some(error);
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                Poll::Ready(None) => {
                    self.chunks = None;
                    self.last()
                }
            };
            if !piece.is_empty() {
                let n_bytes = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.body.n_bytes.fetch_add(n_bytes, Ordering::Relaxed);
                return Poll::Ready(Some(Ok(piece)));
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.n_bytes())
    }
}
