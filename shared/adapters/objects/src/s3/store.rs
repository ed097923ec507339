//! The store itself.

use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::aws::AmazonS3;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, ObjectMeta, ObjectStore as _, ObjectStoreExt as _,
    PutMode, PutOptions, UpdateVersion,
};
use shared::config::Env;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    Blob, BlobBytes, BlobKey, BlobLink, BlobRead, BlobStore, BlobVersion, ByteRange, Clock,
    LinkPurpose, ListedBlob, MediaType, NewUpload, PartLimits, PartTag, PutBlob, PutCondition,
    Random, Sha256Digest, Upload, checked_bytes,
};
use shared::time::Timestamp;

use super::connect;
use super::fault::{PLATFORM, failed};
use crate::address::S3Address;

/// The metadata that holds the digest.
pub(super) const SHA256: &str = "sha256";
/// The metadata that names the request which made the blob.
pub(super) const WRITTEN_BY: &str = "written-by";
/// Blobs in one answer. Source: API reference of S3, `ListObjectsV2`.
const N_LISTED: usize = 1000;
/// Source: Amazon S3 user guide, "Multipart upload limits". The longest is ours: a part is held in
/// memory.
const PART_LIMITS: PartLimits = PartLimits {
    min_bytes: NonZeroUsize::MIN.saturating_add((5 << 20) - 1),
    max_bytes: NonZeroUsize::MIN.saturating_add((1 << 30) - 1),
    max_parts: NonZeroU32::MIN.saturating_add(9_999),
};

/// Blobs in a bucket of S3.
pub struct S3BlobStore {
    pub(super) client: AmazonS3,
    pub(super) address: S3Address,
    pub(super) random: Arc<dyn Random>,
    clock: Arc<dyn Clock>,
}

impl S3BlobStore {
    /// Uses the bucket at `address`, with region and credentials of `env`. Nothing is called yet.
    ///
    /// # Errors
    ///
    /// `Rejected` when `env` lacks something.
    pub fn open(
        address: &S3Address,
        env: &Env,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, PortError> {
        let client = connect::client(address, env)?;
        Ok(Self { client, address: address.clone(), random, clock })
    }

    /// What stands in the bucket for `text`, the beginning of a key.
    fn full(&self, text: &str) -> String {
        match &self.address.prefix {
            Some(prefix) => format!("{prefix}/{text}"),
            None => text.to_owned(),
        }
    }

    pub(super) fn path(&self, operation: &'static str, key: &BlobKey) -> Result<Path, PortError> {
        let rejected =
            || PortError::new(PortErrorKind::Rejected, PLATFORM, operation, key.as_str());
        let full = self.full(key.as_str());
        if full.len() > 1024 {
            return Err(
                rejected().with_source("with the store's prefix its key is too long for S3")
            );
        }
        Path::parse(full).map_err(|error| rejected().with_source(error))
    }

    /// A new name for a request that makes a blob.
    pub(super) fn writer(&self) -> String {
        format!("{:032x}", self.random.bits())
    }

    /// Returns the blob and who wrote it.
    pub(super) async fn look(&self, key: &BlobKey) -> Result<(Blob, Option<String>), PortError> {
        let options = GetOptions { head: true, ..GetOptions::default() };
        let path = self.path("head", key)?;
        let found = self.client.get_opts(&path, options).await;
        let found = found.map_err(|error| failed("head", key.as_str(), error))?;
        let writer = metadata(&found.attributes, WRITTEN_BY).map(ToOwned::to_owned);
        Ok((blob(key, &found.meta, &found.attributes)?, writer))
    }

    /// Returns the blob when `writer` made it: then it was only the answer that was lost.
    pub(super) async fn made_by(
        &self,
        key: &BlobKey,
        writer: &str,
    ) -> Result<Option<Blob>, PortError> {
        match self.look(key).await {
            Ok((blob, found)) => Ok((found.as_deref() == Some(writer)).then_some(blob)),
            Err(error) if error.kind() == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

pub(super) fn attributes(
    media_type: &MediaType,
    sha256: Option<Sha256Digest>,
    writer: &str,
) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, media_type.as_str().to_owned().into());
    attributes.insert(Attribute::Metadata(WRITTEN_BY.into()), writer.to_owned().into());
    if let Some(sha256) = sha256 {
        attributes.insert(Attribute::Metadata(SHA256.into()), sha256.to_string().into());
    }
    attributes
}

fn metadata<'a>(attributes: &'a Attributes, name: &'static str) -> Option<&'a str> {
    attributes.get(&Attribute::Metadata(name.into())).map(AsRef::as_ref)
}

fn version(key: &BlobKey, meta: &ObjectMeta) -> Result<BlobVersion, PortError> {
    let fault = || PortError::new(PortErrorKind::Rejected, PLATFORM, "read", key.as_str());
    let tag = meta.e_tag.clone().ok_or_else(|| fault().with_source("it came without an `ETag`"))?;
    BlobVersion::parse(tag).map_err(|error| fault().with_source(error))
}

fn stored_at(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from_millis(meta.last_modified.timestamp_millis()).to_second()
}

fn blob(key: &BlobKey, meta: &ObjectMeta, attributes: &Attributes) -> Result<Blob, PortError> {
    let media_type = attributes.get(&Attribute::ContentType).map(AsRef::as_ref);
    let media_type = media_type.and_then(|it: &str| MediaType::parse(it).ok());
    Ok(Blob {
        key: key.clone(),
        n_bytes: meta.size,
        version: version(key, meta)?,
        sha256: metadata(attributes, SHA256).and_then(|it| Sha256Digest::parse(it).ok()),
        media_type: media_type.unwrap_or_default(),
        stored_at: stored_at(meta),
    })
}

fn range_of(key: &BlobKey, range: ByteRange) -> Result<GetRange, PortError> {
    match range {
        ByteRange { from, until: None } => Ok(GetRange::Offset(from)),
        ByteRange { from, until: Some(until) } if from < until => {
            Ok(GetRange::Bounded(from..until))
        }
        _ => Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "read", key.as_str())
            .with_source("no bytes in this range")),
    }
}

#[async_trait]
impl BlobStore for S3BlobStore {
    async fn head(&self, key: &BlobKey) -> Result<Blob, PortError> {
        self.look(key).await.map(|(blob, _)| blob)
    }

    async fn read(&self, key: &BlobKey, range: Option<ByteRange>) -> Result<BlobRead, PortError> {
        let path = self.path("read", key)?;
        let is_whole = range.is_none();
        let range = range.map(|it| range_of(key, it)).transpose()?;
        let options = GetOptions { range, ..GetOptions::default() };
        let found = self.client.get_opts(&path, options).await;
        let found = found.map_err(|error| failed("read", key.as_str(), error))?;
        let blob = blob(key, &found.meta, &found.attributes)?;
        let subject = key.as_str().to_owned();
        let bytes = found.into_stream().map_err({
            let subject = subject.clone();
            move |error| failed("read", &subject, error)
        });
        let bytes: BlobBytes = match blob.sha256 {
            Some(sha256) if is_whole => Box::pin(checked_bytes(bytes, sha256, PLATFORM, subject)),
            _ => Box::pin(bytes),
        };
        Ok(BlobRead { blob, bytes })
    }

    async fn put(&self, key: &BlobKey, body: Bytes, options: &PutBlob) -> Result<Blob, PortError> {
        let path = self.path("put", key)?;
        let (sha256, n_bytes) = (Sha256Digest::of(&body), body.len() as u64);
        if options.sha256.is_some_and(|it| it != sha256) {
            return Err(PortError::new(PortErrorKind::Rejected, PLATFORM, "put", key.as_str())
                .with_source("the bytes have another digest"));
        }
        let writer = self.writer();
        let mode = match &options.condition {
            PutCondition::Always => PutMode::Overwrite,
            PutCondition::IfAbsent => PutMode::Create,
            PutCondition::IfVersion(version) => PutMode::Update(UpdateVersion {
                e_tag: Some(version.as_str().to_owned()),
                version: None,
            }),
        };
        let attributes = attributes(&options.media_type, Some(sha256), &writer);
        let put = PutOptions { mode, attributes, ..PutOptions::default() };
        let put = self.client.put_opts(&path, body.into(), put).await;
        let e_tag = match put.map_err(|error| failed("put", key.as_str(), error)) {
            Ok(put) => put.e_tag.and_then(|it| BlobVersion::parse(it).ok()),
            // It may be our own blob that is in the way: then it was only the answer that was lost.
            Err(fault) => {
                let may_be_there =
                    matches!(fault.kind(), PortErrorKind::Conflict | PortErrorKind::Unavailable);
                let is_bound = options.condition != PutCondition::Always;
                if !(may_be_there && is_bound) {
                    return Err(fault);
                }
                return match self.made_by(key, &writer).await {
                    Ok(Some(blob)) => Ok(blob),
                    _ => Err(fault),
                };
            }
        };
        let Some(version) = e_tag else { return self.head(key).await };
        Ok(Blob {
            key: key.clone(),
            n_bytes,
            version,
            sha256: Some(sha256),
            media_type: options.media_type.clone(),
            stored_at: self.clock.now().to_second(),
        })
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        let path = self.path("delete", key)?;
        match self.client.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("delete", key.as_str(), error)),
        }
    }

    async fn list(
        &self,
        prefix: &str,
        after: Option<&BlobKey>,
        limit: NonZeroU32,
    ) -> Result<Vec<ListedBlob>, PortError> {
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let root = self.full("");
        let full = self.full(prefix);
        let offset = after.map(|it| self.full(it.as_str()));
        let (mut listed, mut page_token) = (Vec::new(), None);
        loop {
            let max_keys = Some(N_LISTED.min(limit - listed.len()));
            let (offset, page) = (offset.clone(), page_token.take());
            let options = PaginatedListOptions {
                offset,
                max_keys,
                page_token: page,
                ..PaginatedListOptions::default()
            };
            let page = self.client.list_paginated(Some(&full), options).await;
            let page = page.map_err(|error| failed("list", prefix, error))?;
            for meta in page.result.objects {
                let key = meta.location.as_ref().strip_prefix(&root);
                // What was put by others under a name that is no key of ours is passed over.
                let Some(Ok(key)) = key.map(BlobKey::parse) else { continue };
                let (version, stored_at) = (version(&key, &meta)?, stored_at(&meta));
                listed.push(ListedBlob { key, n_bytes: meta.size, version, stored_at });
            }
            page_token = page.page_token;
            if page_token.is_none() || listed.len() >= limit {
                return Ok(listed);
            }
        }
    }

    async fn begin(&self, key: &BlobKey, options: &NewUpload) -> Result<Upload, PortError> {
        self.begin_upload(key, options).await
    }

    async fn put_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        self.send_part(upload, number, body).await
    }

    async fn complete(&self, upload: &Upload, parts: &[PartTag]) -> Result<Blob, PortError> {
        self.complete_upload(upload, parts).await
    }

    async fn abandon(&self, upload: &Upload) -> Result<(), PortError> {
        self.abandon_upload(upload).await
    }

    fn part_limits(&self) -> PartLimits {
        PART_LIMITS
    }

    async fn link(
        &self,
        purpose: &LinkPurpose,
        valid_for: Duration,
    ) -> Result<BlobLink, PortError> {
        self.sign(purpose, valid_for).await
    }

    fn part_sent_by_link(&self, etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
        super::uploads::part_of_answer(etag, sha256)
    }
}
