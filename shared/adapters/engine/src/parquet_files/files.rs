//! Files of the lake in Parquet.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use shared::PortError;
use shared::lake::TableSchema;
use shared::ports::{BlobKey, BlobStore, LakeFiles, LakeRows, TableWriter};

use super::blob_reader::BlobReader;
use super::cells::rows;
use super::fault::{port_error, rejected};
use super::writer::ParquetWriter;

/// Rows that are handed out at once.
const N_ROWS_AT_ONCE: usize = 1024;

/// How much a writer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParquetSettings {
    /// A group of rows is closed when it holds so many bytes in memory.
    pub group_bytes: usize,
    /// A group of rows is closed when it has so many.
    pub group_rows: usize,
    /// A part of an upload, in bytes.
    pub part_bytes: usize,
}

impl Default for ParquetSettings {
    fn default() -> Self {
        let mebibytes = 1024 * 1024;
        Self { group_bytes: 8 * mebibytes, group_rows: 131_072, part_bytes: 8 * mebibytes }
    }
}

/// Files of the lake in Parquet, in a blob store.
pub struct ParquetFiles {
    blobs: Arc<dyn BlobStore>,
    settings: ParquetSettings,
}

impl ParquetFiles {
    /// Keeps files in `blobs`.
    pub fn new(blobs: Arc<dyn BlobStore>) -> Self {
        Self { blobs, settings: ParquetSettings::default() }
    }

    /// Holds as much as `settings` says.
    #[must_use]
    pub fn with_settings(self, settings: ParquetSettings) -> Self {
        Self { settings, ..self }
    }
}

#[async_trait]
impl LakeFiles for ParquetFiles {
    fn extension(&self) -> &'static str {
        "parquet"
    }

    async fn create(
        &self,
        key: &BlobKey,
        schema: &TableSchema,
    ) -> Result<Box<dyn TableWriter>, PortError> {
        let blobs = Arc::clone(&self.blobs);
        let writer = ParquetWriter::new(blobs, key.clone(), schema.clone(), self.settings)?;
        Ok(Box::new(writer))
    }

    async fn read(&self, key: &BlobKey, schema: &TableSchema) -> Result<LakeRows, PortError> {
        let reader = BlobReader::open(Arc::clone(&self.blobs), key.clone()).await?;
        let failed = |error| port_error(error, "read", key);
        let builder = ParquetRecordBatchStreamBuilder::new(reader).await.map_err(failed)?;
        let batches = builder.with_batch_size(N_ROWS_AT_ONCE).build().map_err(failed)?;
        let (key, schema) = (key.clone(), schema.clone());
        let batches = {
            let key = key.clone();
            batches.map_err(move |error| port_error(error, "read", &key))
        };
        Ok(Box::pin(batches.and_then(move |batch| {
            let read = rows(&schema, &batch).map_err(|error| rejected("read", &key, error));
            std::future::ready(read)
        })))
    }
}

#[cfg(test)]
mod tests {
    use shared::ports::lake_files_contract::lake_files_contract;
    use shared::ports::{MemoryBlobStore, SystemClock};

    use super::*;

    #[tokio::test]
    async fn parquet_keeps_the_contract() {
        let small = ParquetSettings { group_bytes: 10_000, group_rows: 500, part_bytes: 3000 };
        for settings in [ParquetSettings::default(), small] {
            let blobs: Arc<dyn BlobStore> = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
            let files = ParquetFiles::new(Arc::clone(&blobs)).with_settings(settings);
            lake_files_contract(&files, &*blobs).await;
        }
    }
}
