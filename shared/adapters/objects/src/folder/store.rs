//! The store itself.

use std::io;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    Blob, BlobKey, BlobLink, BlobRead, BlobStore, ByteRange, Clock, LinkPurpose, ListedBlob,
    NewUpload, PartLimits, PartTag, PutBlob, Random, Sha256Digest, Upload,
};

use super::about::About;
use super::files::{self, PLATFORM, Places, failed};
use super::listing::Listing;
use super::reading::{self, Opened};
use super::{publish, sweep, uploads};

const PART_LIMITS: PartLimits = PartLimits {
    min_bytes: NonZeroUsize::MIN,
    // A part is held in memory.
    max_bytes: NonZeroUsize::MIN.saturating_add((1 << 30) - 1),
    max_parts: NonZeroU32::MIN.saturating_add(9_999),
};

/// Blobs in a folder.
pub struct FolderBlobStore {
    places: Places,
    random: Arc<dyn Random>,
}

impl FolderBlobStore {
    /// Uses `folder`, makes it where it is missing, and clears away what earlier processes left: files of
    /// a day ago that became no blob, and uploads that nothing came for in a week.
    ///
    /// # Errors
    ///
    /// `Denied`, `Rejected` or `Unavailable` when it cannot be used.
    pub fn open(
        folder: &Path,
        clock: &dyn Clock,
        random: Arc<dyn Random>,
    ) -> Result<Self, PortError> {
        let places = Places::of(folder);
        places
            .make()
            .and_then(|()| sweep::sweep(&places, clock.now()))
            .map_err(|error| failed("open", &folder.display().to_string(), error))?;
        Ok(Self { places, random })
    }

    fn name(&self) -> String {
        format!("{:032x}", self.random.bits())
    }

    /// Runs what waits for the disk.
    async fn run<T, W>(
        &self,
        operation: &'static str,
        subject: &str,
        work: W,
    ) -> Result<T, PortError>
    where
        T: Send + 'static,
        W: FnOnce(&Places) -> Result<T, PortError> + Send + 'static,
    {
        let places = self.places.clone();
        let done = tokio::task::spawn_blocking(move || work(&places)).await;
        let ended = |error| {
            let fault = PortError::new(PortErrorKind::Unavailable, PLATFORM, operation, subject);
            fault.with_source(error)
        };
        done.map_err(ended)?
    }
}

fn no_links(operation: &'static str, subject: &str) -> PortError {
    let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, operation, subject);
    fault.with_source("a folder has no links: keep blobs in S3 for them")
}

fn put(
    places: &Places,
    key: &BlobKey,
    body: &Bytes,
    options: PutBlob,
    name: &str,
) -> Result<Blob, PortError> {
    let sha256 = Sha256Digest::of(body);
    if options.sha256.is_some_and(|it| it != sha256) {
        let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, "put", key.as_str());
        return Err(fault.with_source("the bytes have another digest"));
    }
    places.blob("put", key)?;
    let staged = places.staged.join(name);
    let fault = |error: io::Error| failed("put", key.as_str(), error);
    let PutBlob { media_type, condition, .. } = options;
    let about = About { key: key.clone(), media_type, sha256: Some(sha256), upload: None };
    let made = files::write(&staged, body)
        .map_err(fault)
        .and_then(|()| publish::publish(places, &staged, about, &condition));
    made.inspect_err(|_| {
        let _ = files::remove(&staged);
    })
}

#[async_trait]
impl BlobStore for FolderBlobStore {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        let blob_key = key.clone();
        self.run("head", key.as_str(), move |places| {
            reading::open(places, "head", &blob_key).map(|(_, blob, _)| blob)
        })
        .await
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        let blob_key = key.clone();
        let opened = self.run("read", key.as_str(), move |it| Opened::open(it, &blob_key, range));
        opened.await.map(Opened::read)
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        let (blob_key, options, name) = (key.clone(), options.clone(), self.name());
        let put = move |places: &Places| put(places, &blob_key, &body, options, &name);
        self.run("put", key.as_str(), put).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        let blob_key = key.clone();
        self.run("delete", key.as_str(), move |it| publish::delete(it, &blob_key)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        let (of, after) = (prefix.to_owned(), after.cloned());
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        self.run("list", prefix, move |places| {
            let after = after.as_ref().map(BlobKey::as_str);
            let listing = Listing { prefix: &of, after, limit };
            listing.read(places).map_err(|error| failed("list", &of, error))
        })
        .await
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        let (blob_key, options, name) = (key.clone(), options.clone(), self.name());
        let begin = move |places: &Places| uploads::begin(places, &blob_key, &options, name);
        self.run("begin", key.as_str(), begin).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        if number >= PART_LIMITS.max_parts.get() || body.len() > PART_LIMITS.max_bytes.get() {
            let subject = upload.key.as_str();
            let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, "put part", subject);
            return Err(fault.with_source("a part too many, or too long"));
        }
        let (of, name) = (upload.clone(), self.name());
        let put = move |places: &Places| uploads::put_part(places, &of, number, &body, &name);
        self.run("put part", upload.key.as_str(), put).await
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        let (of, parts, name) = (upload.clone(), parts.to_vec(), self.name());
        let complete = move |places: &Places| uploads::complete(places, &of, &parts, &name);
        self.run("complete", upload.key.as_str(), complete).await
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        let of = upload.clone();
        self.run("abandon", upload.key.as_str(), move |it| uploads::abandon(it, &of)).await
    }

    fn part_limits(&self) -> PartLimits {
        PART_LIMITS
    }

    async fn link(&self, purpose: &LinkPurpose, _: Duration) -> Result<BlobLink, PortError> {
        Err(match purpose {
            LinkPurpose::Read { key } | LinkPurpose::Put { key, .. } => {
                no_links("link", key.as_str())
            }
            LinkPurpose::PutPart { upload, .. } => no_links("link", upload.key.as_str()),
        })
    }

    fn part_sent_by_link(&self, etag: &str, _: &Sha256Digest) -> Result<PartTag, PortError> {
        Err(no_links("take part", etag))
    }
}
