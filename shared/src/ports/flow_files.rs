//! Flow files: contents with attributes, handed over to a dataflow that runs elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};

use crate::error::PortError;
use crate::ids::CorrelationId;

/// The most attributes of one flow file. Source: NiFi, `StandardFlowFileCodec`.
pub const MAX_ATTRIBUTES: usize = 25_000;

/// The attribute that follows a flow file back to what caused it.
pub const CORRELATION_ATTRIBUTE: &str = "correlation_id";

/// The pieces of a content, in order.
pub type ContentChunks = BoxStream<'static, Result<Bytes, PortError>>;

/// Flow files, one after the other.
pub type FlowFiles = BoxStream<'static, Result<FlowFile, PortError>>;

/// What a flow file carries: bytes whose number is known before the first is read.
pub struct FlowContent {
    /// How many bytes `chunks` gives.
    pub n_bytes: u64,
    /// The bytes.
    pub chunks: ContentChunks,
}

impl FlowContent {
    /// Streams `n_bytes` bytes. Whoever sends them refuses a stream that gives more or fewer.
    pub fn streamed(n_bytes: u64, chunks: ContentChunks) -> Self {
        Self { n_bytes, chunks }
    }
}

impl From<Bytes> for FlowContent {
    fn from(bytes: Bytes) -> Self {
        let n_bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Self { n_bytes, chunks: stream::once(async { Ok(bytes) }).boxed() }
    }
}

/// An attribute that no flow file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttribute {
    /// Its name is empty.
    #[error("an attribute has no name")]
    Nameless,
    /// There are too many.
    #[error("there are more than {MAX_ATTRIBUTES} attributes")]
    TooMany,
}

/// A content with attributes. `Debug` shows neither values nor content: they may name a person.
pub struct FlowFile {
    attributes: BTreeMap<String, String>,
    /// The content.
    pub content: FlowContent,
}

impl FlowFile {
    /// Wraps `content`, without an attribute.
    pub fn new(content: impl Into<FlowContent>) -> Self {
        Self { attributes: BTreeMap::new(), content: content.into() }
    }

    /// Adds an attribute; one of that name is replaced.
    ///
    /// # Errors
    ///
    /// [`InvalidAttribute`] when `name` is empty or there are [`MAX_ATTRIBUTES`] others.
    pub fn with(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<Self, InvalidAttribute> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidAttribute::Nameless);
        }
        self.attributes.insert(name, value.into());
        match self.attributes.len() {
            ..=MAX_ATTRIBUTES => Ok(self),
            _ => Err(InvalidAttribute::TooMany),
        }
    }

    /// Returns the attributes, by name.
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }
}

impl fmt::Debug for FlowFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowFile")
            .field("attributes", &self.attributes.keys().collect::<Vec<_>>())
            .field("n_bytes", &self.content.n_bytes)
            .finish()
    }
}

/// Makes the flow files of a batch, once for each attempt to send it: memory stays flat however many
/// there are.
pub trait FlowFileSource: Send + Sync {
    /// Opens the batch at its beginning. Every opening gives the same flow files.
    fn open(&self) -> FlowFiles;
}

impl<F: Fn() -> FlowFiles + Send + Sync> FlowFileSource for F {
    fn open(&self) -> FlowFiles {
        self()
    }
}

/// Proof that a batch is on the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// How many flow files were taken.
    pub n_files: u64,
    /// How many bytes of content they hold together.
    pub n_bytes: u64,
    /// How long to wait before the next batch: the flow has as much as it can work on.
    pub pause: Option<Duration>,
}

/// Why it is not known whether a batch was taken.
#[derive(Debug, thiserror::Error)]
#[error("no answer came after everything was sent: the flow files may be there, and come twice")]
pub struct OutcomeUnknown {
    /// What happened in place of the answer.
    #[source]
    pub cause: PortError,
}

/// Hands flow files over.
///
/// # Contract
///
/// - A batch is taken as a whole or not at all, in the order of its source.
/// - A [`Receipt`] means that the other side keeps the batch: only then may the sender forget it.
/// - A batch may be taken twice (at least once): after an error with [`OutcomeUnknown`] beneath it, and
///   after an answer that was lost on the way. Whoever works on flow files minds their own ids.
/// - A source that gives nothing costs no call.
/// - A flow file without the attribute [`CORRELATION_ATTRIBUTE`] gets that of its batch.
#[async_trait]
pub trait FlowFileSink: Send + Sync {
    /// Sends everything that `source` gives as one batch; `correlation` follows the calls.
    ///
    /// # Errors
    ///
    /// `RateLimited` when the flow has as much as it can work on, `Unavailable` when it does not run or
    /// cannot be reached, `Denied` and `NotFound` when the credentials or the port are not good,
    /// `Rejected` when a flow file cannot be sent as it is, and what `source` failed with.
    async fn send(
        &self,
        source: Arc<dyn FlowFileSource>,
        correlation: &CorrelationId,
    ) -> Result<Receipt, PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::MemoryFlowFiles;
    use crate::ports::flow_files_contract::flow_files_contract;

    #[tokio::test]
    async fn memory_keeps_the_contract() {
        let sink = MemoryFlowFiles::default();
        flow_files_contract(&sink, || async { sink.taken() }).await;
    }

    #[test]
    fn attribute_that_no_flow_file_can_have_is_refused() {
        let file = || FlowFile::new(Bytes::new());
        assert_eq!(file().with("", "x").err(), Some(InvalidAttribute::Nameless));
        let mut full = file();
        for idx in 0..MAX_ATTRIBUTES {
            full = full.with(idx.to_string(), "").unwrap();
        }
        full = full.with("0", "again").unwrap();
        assert_eq!(full.with("one more", "").err(), Some(InvalidAttribute::TooMany));
    }

    #[test]
    fn debug_shows_no_value() {
        let file = FlowFile::new(Bytes::from("Ada")).with("client", "Ada").unwrap();
        let shown = format!("{file:?}");
        assert!(shown.contains("client") && !shown.contains("Ada"), "{shown}");
    }
}
