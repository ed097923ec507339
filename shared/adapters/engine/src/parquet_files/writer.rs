//! One file of the lake, while it is made.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use shared::PortError;
use shared::lake::{BlobWriter, Cell, TableSchema};
use shared::ports::{BlobKey, BlobStore, MediaType, TableWriter, WrittenFile, check_row};

use super::arrays::{arrow_schema, batch};
use super::fault::port_error;
use super::files::ParquetSettings;

/// The column version, beside the columns in the footer of each file.
const SCHEMA_VERSION: &str = "moodbridge.schema_version";
/// Rows that are turned into columns at once.
const N_ROWS_AT_ONCE: usize = 1024;

/// Makes a file: rows are kept as encoded columns until they are a group, and groups go to the blob
/// store in parts.
pub(super) struct ParquetWriter {
    blob: BlobWriter,
    schema: TableSchema,
    arrow: SchemaRef,
    writer: ArrowWriter<Vec<u8>>,
    settings: ParquetSettings,
    n_rows: u64,
}

impl ParquetWriter {
    /// Begins the file `key`.
    ///
    /// # Errors
    ///
    /// `Rejected` when Parquet does not take the columns.
    pub(super) fn new(
        blobs: Arc<dyn BlobStore>,
        key: BlobKey,
        schema: TableSchema,
        settings: ParquetSettings,
    ) -> Result<Self, PortError> {
        let arrow = arrow_schema(&schema);
        let version = KeyValue::new(SCHEMA_VERSION.to_owned(), schema.version.to_string());
        let properties = WriterProperties::builder()
            .set_created_by(concat!("moodbridge ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Page)
            .set_key_value_metadata(Some(vec![version]))
            // Groups end by their length in memory, see below.
            .set_max_row_group_row_count(None)
            .build();
        // The columns of Parquet say it all; the same in the words of Arrow would only be longer.
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(&arrow), options)
            .map_err(|error| port_error(error, "create", &key))?;
        let media_type = MediaType::parse("application/vnd.apache.parquet").unwrap_or_default();
        let blob = BlobWriter::new(blobs, key, media_type, settings.part_bytes);
        Ok(Self { blob, schema, arrow, writer, settings, n_rows: 0 })
    }

    fn failed(&self) -> impl Fn(ParquetError) -> PortError + use<> {
        let key = self.blob.key().clone();
        move |error| port_error(error, "write", &key)
    }

    /// Ends the group when it is long enough, and sends it.
    async fn end_group(&mut self) -> Result<(), PortError> {
        let is_full = self.writer.memory_size() >= self.settings.group_bytes
            || self.writer.in_progress_rows() >= self.settings.group_rows;
        if !is_full {
            return Ok(());
        }
        let failed = self.failed();
        self.writer.flush().map_err(&failed)?;
        self.writer.sync().map_err(|error| failed(error.into()))?;
        let group = std::mem::take(self.writer.inner_mut());
        self.blob.write(&group).await
    }
}

#[async_trait]
impl TableWriter for ParquetWriter {
    async fn write(&mut self, rows: Vec<Vec<Cell>>) -> Result<(), PortError> {
        for row in &rows {
            check_row(self.blob.key(), &self.schema, row)?;
        }
        let failed = self.failed();
        for some in rows.chunks(N_ROWS_AT_ONCE) {
            let columns = batch(&self.schema, &self.arrow, some)
                .map_err(|error| failed(ParquetError::ArrowError(error.to_string())))?;
            self.writer.write(&columns).map_err(&failed)?;
            self.n_rows += some.len() as u64;
            self.end_group().await?;
        }
        Ok(())
    }

    fn n_bytes(&self) -> u64 {
        self.blob.n_bytes() + self.writer.in_progress_size() as u64
    }

    async fn finish(self: Box<Self>) -> Result<WrittenFile, PortError> {
        let failed = self.failed();
        let Self { mut blob, writer, n_rows, .. } = *self;
        let rest = writer.into_inner().map_err(failed)?;
        blob.write(&rest).await?;
        let (n_bytes, sha256) = blob.finish().await?;
        Ok(WrittenFile { n_rows, n_bytes, sha256 })
    }

    async fn abandon(self: Box<Self>) -> Result<(), PortError> {
        self.blob.abandon().await
    }
}
