//! A blob of unknown length, sent in parts while it is made.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::error::PortError;
use crate::ports::{
    BlobKey, BlobStore, MediaType, NewUpload, PartTag, PutBlob, PutCondition, RunningSha256,
    Sha256Digest, Upload,
};

/// Sends bytes as they come. What fits into one part is put at once, and only where nothing is.
///
/// It holds less than a part and what it was given last.
pub struct BlobWriter {
    store: Arc<dyn BlobStore>,
    key: BlobKey,
    media_type: MediaType,
    part_bytes: usize,
    buffer: BytesMut,
    upload: Option<Upload>,
    parts: Vec<PartTag>,
    sum: RunningSha256,
    n_bytes: u64,
}

impl BlobWriter {
    /// Begins a blob in parts of about `part_bytes`, within the limits of `store`.
    pub fn new(
        store: Arc<dyn BlobStore>,
        key: BlobKey,
        media_type: MediaType,
        part_bytes: usize,
    ) -> Self {
        let limits = store.part_limits();
        let part_bytes = part_bytes.max(limits.min_bytes.get()).min(limits.max_bytes.get());
        Self {
            store,
            key,
            media_type,
            part_bytes,
            buffer: BytesMut::new(),
            upload: None,
            parts: Vec::new(),
            sum: RunningSha256::default(),
            n_bytes: 0,
        }
    }

    /// Returns its name.
    pub fn key(&self) -> &BlobKey {
        &self.key
    }

    /// Returns how many bytes it was given.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Adds bytes, and sends the parts that are whole.
    ///
    /// # Errors
    ///
    /// As the store answers.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.sum.update(bytes);
        self.n_bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        // One byte more than a part: what is exactly one may be all there is.
        while self.buffer.len() > self.part_bytes {
            let part = self.buffer.split_to(self.part_bytes).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), PortError> {
        let upload = match &self.upload {
            Some(upload) => upload,
            None => {
                let options = NewUpload { media_type: self.media_type.clone(), sha256: None };
                let upload = self.store.begin(&self.key, &options).await?;
                self.upload.insert(upload)
            }
        };
        let number = u32::try_from(self.parts.len()).unwrap_or(u32::MAX);
        let tag = self.store.put_part(upload, number, part).await?;
        self.parts.push(tag);
        Ok(())
    }

    /// Ends the blob, and returns its length and digest.
    ///
    /// # Errors
    ///
    /// `Conflict` when there is a blob of this name and one part was enough, else as the store answers.
    pub async fn finish(mut self) -> Result<(u64, Sha256Digest), PortError> {
        let rest = self.buffer.split().freeze();
        let sha256 = self.sum.clone().finish();
        if self.upload.is_none() {
            let options = PutBlob {
                media_type: self.media_type,
                sha256: Some(sha256),
                condition: PutCondition::IfAbsent,
            };
            self.store.put(&self.key, rest, &options).await?;
            return Ok((self.n_bytes, sha256));
        }
        self.send(rest).await?;
        if let Some(upload) = &self.upload {
            self.store.complete(upload, &self.parts).await?;
        }
        Ok((self.n_bytes, sha256))
    }

    /// Forgets what was sent.
    ///
    /// # Errors
    ///
    /// As the store answers.
    pub async fn abandon(self) -> Result<(), PortError> {
        match &self.upload {
            Some(upload) => self.store.abandon(upload).await,
            None => Ok(()),
        }
    }
}
