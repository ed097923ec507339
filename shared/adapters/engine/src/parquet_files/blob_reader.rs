//! Parts of a file, from the blob port.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, TryStreamExt as _};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use shared::PortError;
use shared::ports::{BlobKey, BlobStore, ByteRange};

/// What is read from the end at once: nearly every footer fits.
const FOOTER_BYTES: usize = 64 * 1024;

/// A file whose length is known.
pub(crate) trait KnownLength {
    /// Returns its length, in bytes.
    fn n_bytes(&self) -> u64;
}

/// Reads the parts of one file that are asked for.
#[derive(Clone)]
pub(crate) struct BlobReader {
    blobs: Arc<dyn BlobStore>,
    key: BlobKey,
    n_bytes: u64,
}

impl BlobReader {
    /// Opens the file `key`.
    ///
    /// # Errors
    ///
    /// `NotFound` when it is not there, else as the store answers.
    pub(crate) async fn open(
        blobs: Arc<dyn BlobStore>,
        key: BlobKey,
    ) -> std::result::Result<Self, PortError> {
        let n_bytes = blobs.head(&key).await?.n_bytes;
        Ok(Self { blobs, key, n_bytes })
    }

    /// Reads the file `key`, which is `n_bytes` long.
    #[cfg(feature = "query")]
    pub(crate) fn of_length(blobs: Arc<dyn BlobStore>, key: BlobKey, n_bytes: u64) -> Self {
        Self { blobs, key, n_bytes }
    }

    /// Reads the footer through `file`.
    pub(crate) fn footer<'a, F: AsyncFileReader + KnownLength + Send>(
        file: &'a mut F,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move {
            let n_bytes = file.n_bytes();
            let reader = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .with_prefetch_hint(Some(FOOTER_BYTES));
            Ok(Arc::new(reader.load_and_finish(file, n_bytes).await?))
        }
        .boxed()
    }

    /// Reads one part.
    ///
    /// # Errors
    ///
    /// [`ParquetError`]; what the store said is behind `External`.
    pub(crate) async fn part(&self, range: Range<u64>) -> Result<Bytes> {
        let external = |error: PortError| ParquetError::External(Box::new(error));
        let wanted = range.end.saturating_sub(range.start);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        // A footer may name places that are not there.
        if range.end > self.n_bytes {
            return Err(ParquetError::EOF(format!("the file has {} bytes", self.n_bytes)));
        }
        let asked = ByteRange { from: range.start, until: Some(range.end) };
        let mut bytes = self.blobs.read(&self.key, Some(asked)).await.map_err(external)?.bytes;
        let mut part = BytesMut::new();
        while let Some(some) = bytes.try_next().await.map_err(external)? {
            part.extend_from_slice(&some);
        }
        if part.len() as u64 != wanted {
            return Err(ParquetError::EOF(format!("{} of {wanted} bytes came", part.len())));
        }
        Ok(part.freeze())
    }
}

impl AsyncFileReader for BlobReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.part(range).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        Self::footer(self, options)
    }
}

impl KnownLength for BlobReader {
    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }
}
