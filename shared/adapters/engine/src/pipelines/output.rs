//! Files that a run writes, seen when they are whole.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use bytes::{Bytes, BytesMut};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use shared::PortError;
use shared::etl::{FileForm, OutputFile, PipelineError, Place, Sink};
use shared::ports::{BlobStore, MediaType, NewUpload, PartTag, RunningSha256, Upload};

use super::json::json_lines;
use super::source::OpenStore;
use super::text::text_of;
use crate::parquet_files::{ParquetSettings, port_error};

/// A file that is being written. Dropped, it leaves at most parts of an upload that nobody sees.
pub(super) struct Output {
    what: &'static str,
    place: Place,
    parts: Parts,
    form: Form,
    settings: ParquetSettings,
    n_rows: u64,
}

enum Form {
    Csv { delimiter: char },
    Json,
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

/// Bytes that go to a blob store in parts. What is there stays until the new file is whole.
struct Parts {
    store: Arc<dyn BlobStore>,
    upload: Upload,
    part_bytes: usize,
    buffer: BytesMut,
    tags: Vec<PartTag>,
    sum: RunningSha256,
    n_bytes: u64,
}

impl Output {
    /// Begins the file of `sink`, with the columns of `schema`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`].
    pub(super) async fn begin(
        open: &OpenStore,
        what: &'static str,
        sink: &Sink,
        schema: &SchemaRef,
    ) -> Result<Self, PipelineError> {
        let settings = ParquetSettings::default();
        let failed = |source| PipelineError::store(what, &sink.at, source);
        let (form, media_type) = match &sink.form {
            FileForm::Store | FileForm::Table | FileForm::Database => {
                let text = "is no file: a table of Snowflake is written there".to_owned();
                return Err(PipelineError::Unfit { at: sink.at.to_string(), text });
            }
            FileForm::Csv(csv) => (Form::Csv { delimiter: csv.delimiter.into() }, "text/csv"),
            FileForm::Json(_) => (Form::Json, "application/x-ndjson"),
            FileForm::Parquet => {
                let writer = parquet_writer(schema);
                let writer =
                    writer.map_err(|error| failed(port_error(error, "create", &sink.at.key)))?;
                (Form::Parquet(Box::new(writer)), "application/vnd.apache.parquet")
            }
        };
        let media_type = MediaType::parse(media_type).unwrap_or_default();
        let parts = Parts::begin(open, &sink.at, media_type, settings.part_bytes).await;
        let parts = parts.map_err(failed)?;
        let place = sink.at.clone();
        let mut output = Self { what, place, parts, form, settings, n_rows: 0 };
        if let Form::Csv { delimiter } = output.form {
            let names = schema.fields().iter().map(|it| Some(it.name().clone()));
            let head = line(names, delimiter);
            output.parts.write(head.as_bytes()).await.map_err(|error| output.failed(error))?;
        }
        Ok(output)
    }

    fn failed(&self, source: PortError) -> PipelineError {
        PipelineError::store(self.what, &self.place, source)
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`], or [`PipelineError::Unfit`] when a value has no form in the file; it is
    /// to be abandoned.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), PipelineError> {
        self.n_rows += batch.num_rows() as u64;
        let bytes = match &mut self.form {
            Form::Csv { delimiter } => csv_lines(batch, *delimiter),
            Form::Json => json_lines(batch)
                .map_err(|text| PipelineError::Unfit { at: self.place.to_string(), text })?,
            Form::Parquet(writer) => group(writer, batch, self.settings)
                .map_err(|error| port_error(error, "write", &self.place.key))
                .map_err(|source| self.failed(source))?,
        };
        self.parts.write(&bytes).await.map_err(|error| self.failed(error))
    }

    /// Ends the file: from now on it is seen, in place of what was there.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`].
    pub(super) async fn finish(self) -> Result<OutputFile, PipelineError> {
        let Self { what, place, mut parts, form, n_rows, .. } = self;
        let failed = |source| PipelineError::store(what, &place, source);
        if let Form::Parquet(writer) = form {
            let rest = writer.into_inner().map_err(|error| port_error(error, "write", &place.key));
            parts.write(&rest.map_err(failed)?).await.map_err(failed)?;
        }
        let (n_bytes, sha256) = parts.finish().await.map_err(failed)?;
        Ok(OutputFile { at: place.to_string(), n_rows, n_bytes, sha256 })
    }

    /// Forgets the file: what was there is still seen.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`].
    pub(super) async fn abandon(self) -> Result<(), PipelineError> {
        let Self { what, place, parts, .. } = self;
        let failed = |source| PipelineError::store(what, &place, source);
        parts.store.abandon(&parts.upload).await.map_err(failed)
    }
}

fn parquet_writer(
    schema: &SchemaRef,
) -> Result<ArrowWriter<Vec<u8>>, ::parquet::errors::ParquetError> {
    let properties = WriterProperties::builder()
        .set_created_by(concat!("moodbridge ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Page)
        // Groups end by their length in memory, see below.
        .set_max_row_group_row_count(None)
        .build();
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)
}

/// Adds rows, and returns the bytes of the group when it is long enough.
fn group(
    writer: &mut ArrowWriter<Vec<u8>>,
    batch: &RecordBatch,
    settings: ParquetSettings,
) -> Result<Vec<u8>, ::parquet::errors::ParquetError> {
    writer.write(batch)?;
    let is_full = writer.memory_size() >= settings.group_bytes
        || writer.in_progress_rows() >= settings.group_rows;
    if !is_full {
        return Ok(Vec::new());
    }
    writer.flush()?;
    writer.sync()?;
    Ok(std::mem::take(writer.inner_mut()))
}

fn csv_lines(batch: &RecordBatch, delimiter: char) -> Vec<u8> {
    let mut text = String::new();
    for row in 0..batch.num_rows() {
        let values = batch.columns().iter().map(|it| text_of(it, row));
        text.push_str(&line(values, delimiter));
    }
    text.into_bytes()
}

/// Writes a line; a value is quoted where it must be. Source: RFC 4180.
fn line(values: impl Iterator<Item = Option<String>>, delimiter: char) -> String {
    let mut line = String::new();
    for (idx, value) in values.enumerate() {
        if idx > 0 {
            line.push(delimiter);
        }
        let value = value.unwrap_or_default();
        if value.contains(['"', '\n', '\r']) || value.contains(delimiter) {
            line.push('"');
            line.push_str(&value.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&value);
        }
    }
    // A single column without a value would be a blank line, which is no row to readers.
    if line.is_empty() {
        line.push_str("\"\"");
    }
    line.push('\n');
    line
}

impl Parts {
    async fn begin(
        open: &OpenStore,
        place: &Place,
        media_type: MediaType,
        part_bytes: usize,
    ) -> Result<Self, PortError> {
        let store = open(&place.store)?;
        let limits = store.part_limits();
        let part_bytes = part_bytes.max(limits.min_bytes.get()).min(limits.max_bytes.get());
        let upload = store.begin(&place.key, &NewUpload { media_type, sha256: None }).await?;
        let (buffer, tags, sum) = (BytesMut::new(), Vec::new(), RunningSha256::default());
        Ok(Self { store, upload, part_bytes, buffer, tags, sum, n_bytes: 0 })
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), PortError> {
        self.sum.update(bytes);
        self.n_bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        while self.buffer.len() >= self.part_bytes {
            let part = self.buffer.split_to(self.part_bytes).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), PortError> {
        let number = u32::try_from(self.tags.len()).unwrap_or(u32::MAX);
        self.tags.push(self.store.put_part(&self.upload, number, part).await?);
        Ok(())
    }

    async fn finish(mut self) -> Result<(u64, shared::ports::Sha256Digest), PortError> {
        let rest = self.buffer.split().freeze();
        if !rest.is_empty() || self.tags.is_empty() {
            self.send(rest).await?;
        }
        self.store.complete(&self.upload, &self.tags).await?;
        Ok((self.n_bytes, self.sum.finish()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_is_quoted_where_it_must_be() {
        let of = |values: &[Option<&str>]| line(values.iter().map(|it| it.map(str::to_owned)), ';');
        assert_eq!(of(&[Some("a,b"), None, Some("c;d")]), "a,b;;\"c;d\"\n");
        assert_eq!(
            of(&[Some("say \"hi\""), Some("two\nlines")]),
            "\"say \"\"hi\"\"\";\"two\nlines\"\n"
        );
        assert_eq!(of(&[None]), "\"\"\n");
    }
}
