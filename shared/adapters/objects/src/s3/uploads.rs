//! Uploads in parts.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use object_store::PutMultipartOptions;
use object_store::multipart::{MultipartStore as _, PartId};
use shared::error::{PortError, PortErrorKind};
use shared::ports::{
    Blob, BlobKey, BlobStore as _, NewUpload, PartTag, Sha256Digest, Upload, UploadId,
};

use super::fault::{PLATFORM, failed};
use super::store::{S3BlobStore, attributes};

fn rejected(operation: &'static str, key: &BlobKey) -> PortError {
    PortError::new(PortErrorKind::Rejected, PLATFORM, operation, key.as_str())
}

/// The parts of our id: who writes the blob, and S3's own id.
pub(super) fn parts_of<'a>(
    operation: &'static str,
    upload: &'a Upload,
) -> Result<(&'a str, &'a str), PortError> {
    let parts = upload.id.as_str().split_once('.');
    parts.ok_or_else(|| rejected(operation, &upload.key).with_source("no upload of this store"))
}

impl S3BlobStore {
    pub(super) async fn begin_upload(
        &self,
        key: &BlobKey,
        options: &NewUpload,
    ) -> Result<Upload, PortError> {
        let path = self.path("begin", key)?;
        let writer = self.writer();
        let attributes = attributes(&options.media_type, options.sha256, &writer);
        let begin = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let id = self.client.create_multipart_opts(&path, begin).await;
        let id = id.map_err(|error| failed("begin", key.as_str(), error))?;
        let id = UploadId::parse(format!("{writer}.{id}"));
        let id = id.map_err(|error| rejected("begin", key).with_source(error))?;
        Ok(Upload { key: key.clone(), id })
    }

    pub(super) async fn send_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Bytes,
    ) -> Result<PartTag, PortError> {
        let (_, id) = parts_of("put part", upload)?;
        let path = self.path("put part", &upload.key)?;
        let place = self.place("put part", upload, number)?;
        if body.len() > self.part_limits().max_bytes.get() {
            return Err(rejected("put part", &upload.key).with_source("the part is too long"));
        }
        let part = self.client.put_part(&path, &id.to_owned(), place, body.into()).await;
        let part = part.map_err(|error| failed("put part", upload.key.as_str(), error))?;
        PartTag::parse(part.content_id)
            .map_err(|error| rejected("put part", &upload.key).with_source(error))
    }

    /// The place of a part, when S3 has it.
    pub(super) fn place(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: u32,
    ) -> Result<usize, PortError> {
        let max = self.part_limits().max_parts;
        if number >= max.get() {
            let text = format!("part {number}: S3 takes {max} parts, the first being 0");
            return Err(rejected(operation, &upload.key).with_source(text));
        }
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    pub(super) async fn complete_upload(
        &self,
        upload: &Upload,
        parts: &[PartTag],
    ) -> Result<Blob, PortError> {
        let (writer, id) = parts_of("complete", upload)?;
        let path = self.path("complete", &upload.key)?;
        let parts = parts.iter().map(|it| PartId { content_id: it.as_str().to_owned() });
        let made =
            self.client.complete_multipart(&path, &id.to_owned(), parts.collect::<Vec<_>>()).await;
        let made = made.map_err(|error| failed("complete", upload.key.as_str(), error));
        // It may be over because it was completed: then it was only the answer that was lost. S3 may
        // also say so itself to whoever completes again, though another blob is there by now.
        let fault = match made {
            Err(fault) if fault.kind() != PortErrorKind::NotFound => return Err(fault),
            Err(fault) => fault,
            Ok(_) => {
                PortError::new(PortErrorKind::NotFound, PLATFORM, "complete", upload.key.as_str())
                    .with_source("another blob took its place since, or it was deleted")
            }
        };
        self.made_by(&upload.key, writer).await?.ok_or(fault)
    }

    pub(super) async fn abandon_upload(&self, upload: &Upload) -> Result<(), PortError> {
        let (_, id) = parts_of("abandon", upload)?;
        let path = self.path("abandon", &upload.key)?;
        match self.client.abort_multipart(&path, &id.to_owned()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed("abandon", upload.key.as_str(), error)),
        }
    }
}

/// The tag of a part that somebody else sent, as `object_store` writes those that it sends: XML with the
/// entity tag and the checksum. Source: `PartMetadata` in its `client/s3.rs`.
pub(super) fn part_of_answer(etag: &str, sha256: &Sha256Digest) -> Result<PartTag, PortError> {
    let fault = || PortError::new(PortErrorKind::Rejected, PLATFORM, "take part", etag);
    let bare = etag.trim_matches('"');
    if bare.is_empty() || !bare.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
        return Err(fault().with_source("not an `ETag` of S3"));
    }
    let checksum = BASE64_STANDARD.encode(sha256.as_bytes());
    PartTag::parse(format!(
        "<PartMetadata><e_tag>&quot;{bare}&quot;</e_tag>\
         <checksum_sha256>{checksum}</checksum_sha256></PartMetadata>"
    ))
    .map_err(|error| fault().with_source(error))
}
