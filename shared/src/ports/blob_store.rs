//! Documents and large files, each under a key.

use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use url::Url;

use super::blob_digest::Sha256Digest;
use super::blob_names::{BlobKey, BlobVersion, MediaType, PartTag, Upload};
use crate::error::PortError;
use crate::time::Timestamp;

/// The bytes of a blob, in pieces of whatever length.
pub type BlobBytes = Pin<Box<dyn Stream<Item = Result<Bytes, PortError>> + Send>>;

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub key: BlobKey,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// Another one for other bytes; some stores give a new one whenever it is put anew.
    pub version: BlobVersion,
    /// The digest of the whole, when it was told or could be taken on the way.
    pub sha256: Option<Sha256Digest>,
    /// What the bytes are.
    pub media_type: MediaType,
    /// When it was put, to the second.
    pub stored_at: Timestamp,
}

/// What a listing tells of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBlob {
    /// Its name.
    pub key: BlobKey,
    /// Its length, in bytes.
    pub n_bytes: u64,
    /// As [`Blob::version`].
    pub version: BlobVersion,
    /// As [`Blob::stored_at`].
    pub stored_at: Timestamp,
}

/// A blob that is being read.
pub struct BlobRead {
    /// The blob, as it was when the reading began.
    pub blob: Blob,
    /// The bytes that were asked for.
    pub bytes: BlobBytes,
}

/// Some bytes of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first of them, counted from 0.
    pub from: u64,
    /// The one behind the last of them; `None` for the end of the blob.
    pub until: Option<u64>,
}

/// When a blob is put at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PutCondition {
    /// Whatever is there.
    #[default]
    Always,
    /// Only where nothing is.
    IfAbsent,
    /// Only in place of this version.
    IfVersion(BlobVersion),
}

/// How a blob is put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutBlob {
    /// What the bytes are.
    pub media_type: MediaType,
    /// What the digest of the whole must be, when the sender knows it.
    pub sha256: Option<Sha256Digest>,
    /// When it is put at all.
    pub condition: PutCondition,
}

/// How a blob is put in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewUpload {
    /// What the bytes are.
    pub media_type: MediaType,
    /// What the digest of the whole must be, when the sender knows it: kept with the blob, and checked
    /// by whoever reads it.
    pub sha256: Option<Sha256Digest>,
}

/// How parts may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLimits {
    /// The shortest part but for the last one, in bytes.
    pub min_bytes: NonZeroUsize,
    /// The longest part, in bytes.
    pub max_bytes: NonZeroUsize,
    /// How many parts a blob has at most.
    pub max_parts: NonZeroU32,
}

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// To read a blob.
    Read {
        /// Its name.
        key: BlobKey,
    },
    /// To put a whole blob.
    Put {
        /// Its name.
        key: BlobKey,
        /// How it is put: all of it binds whoever uses the link, the digest too.
        options: PutBlob,
    },
    /// To send one part of an upload.
    PutPart {
        /// The upload.
        upload: Upload,
        /// The part's place, from 0.
        number: u32,
        /// The part's digest: other bytes are refused.
        sha256: Sha256Digest,
    },
}

/// An address at which somebody without an account may do one thing for a while. Whoever has it can do
/// it: it is a secret, and belongs into no log.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobLink {
    /// How to ask: `GET` or `PUT`.
    pub method: &'static str,
    /// Where.
    pub url: Url,
    /// What must stand in the request's head, word for word.
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for BlobLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobLink").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Keeps bytes under keys.
///
/// # Contract
///
/// - What was put comes back byte for byte, with its media type and its digest, under exactly the key
///   that was given. A blob is seen whole or not at all: nobody ever reads half of one.
/// - It is durable when [`put`](BlobStore::put) or [`complete`](BlobStore::complete) returns.
/// - A condition that is not met is `Conflict` and changes nothing. Of concurrent puts
///   [`IfAbsent`](PutCondition::IfAbsent) exactly one succeeds; of those that replace one version too.
/// - Bytes that are not those of the digest that came with them are `Rejected` and change nothing.
///   Whoever reads a whole blob whose digest is known gets its bytes, or an error at the end.
/// - An upload is seen by nobody until it is completed. It outlives the process: with what
///   [`begin`](BlobStore::begin) and [`put_part`](BlobStore::put_part) returned another one goes on.
///   Parts come in any order; one that comes again takes the place of the first.
/// - Completing twice returns the same blob; abandoning twice succeeds, and so does deleting what is
///   not there.
/// - A listing comes in the order of the keys' bytes.
/// - Where the platform cannot hold both `a` and `a/b`, the second is `Rejected`.
///
/// `shared::ports::blob_store_contract` checks these for every adapter.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Tells what is known of a blob.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not there, else as the platform answers.
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError>;

    /// Begins to read a blob: all of it, or `range`, which is cut at the blob's end.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not there, `Rejected` when `range` is empty or begins behind its end, else
    /// as the platform answers.
    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError>;

    /// Puts a small blob: one that fits into memory, and into one request.
    ///
    /// # Errors
    ///
    /// `Conflict` when the condition is not met, `Rejected` when the digest is another one, else as the
    /// platform answers.
    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError>;

    /// Removes a blob. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn delete(&self, key: &BlobKey) -> Result<(), PortError>;

    /// Lists up to `limit` blobs whose keys start with `prefix`, in the order of their keys, beginning
    /// behind `after`. Fewer than `limit` are the last ones.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError>;

    /// Begins an upload in parts.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError>;

    /// Sends the part with this number, the first being 0. Its place in the list of
    /// [`complete`](BlobStore::complete) must be the same.
    ///
    /// # Errors
    ///
    /// `NotFound` when the upload is over, `Rejected` when the part breaks
    /// [`part_limits`](BlobStore::part_limits), else as the platform answers.
    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError>;

    /// Makes the blob of its parts, the first of them in the first place; none make an empty blob.
    ///
    /// # Errors
    ///
    /// `NotFound` when the upload was abandoned, `Rejected` when a part is missing or was replaced, else
    /// as the platform answers.
    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError>;

    /// Ends an upload and forgets its parts. One that is over is no error; a blob that it made stays.
    ///
    /// # Errors
    ///
    /// As the platform answers.
    async fn abandon(&self, upload: &Upload) -> Result<(), PortError>;

    /// Returns how parts may be cut.
    fn part_limits(&self) -> PartLimits;

    /// Makes a link that is valid for `valid_for`, at most a week.
    ///
    /// # Errors
    ///
    /// `Rejected` when the store has no links or `valid_for` is too long, else as the platform answers.
    async fn link(&self, purpose: &LinkPurpose, valid_for: Duration)
    -> Result<BlobLink, PortError>;

    /// Returns the tag of a part that somebody sent by a link, of the header `etag` in the answer they
    /// got and the digest that the link was made for.
    ///
    /// # Errors
    ///
    /// `Rejected` when the store has no links or `etag` is none.
    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError>;
}

/// Reads a whole blob into memory, at most `max_bytes` of it.
///
/// # Errors
///
/// `Rejected` when it is longer, else as the store answers.
pub async fn read_whole(
    store: &dyn BlobStore,
    key: &BlobKey,
    max_bytes: usize,
) -> Result<Bytes, PortError> {
    use futures_util::TryStreamExt as _;

    use crate::error::PortErrorKind::Rejected;
    let too_long = |n_bytes: u64| {
        PortError::new(Rejected, "blob store", "read", key.as_str())
            .with_source(format!("it has {n_bytes} bytes or more, and {max_bytes} are taken"))
    };
    let mut read = store.read(key, None).await?;
    let n_bytes = read.blob.n_bytes;
    let capacity = usize::try_from(n_bytes).ok().filter(|it| *it <= max_bytes);
    let mut whole = Vec::with_capacity(capacity.ok_or_else(|| too_long(n_bytes))?);
    while let Some(some) = read.bytes.try_next().await? {
        if whole.len() + some.len() > max_bytes {
            return Err(too_long(n_bytes));
        }
        whole.extend_from_slice(&some);
    }
    Ok(whole.into())
}
