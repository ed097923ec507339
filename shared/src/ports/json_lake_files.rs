//! Files of the lake as lines of JSON, for tests: what Parquet does, without Arrow.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::{Map, Value};

use super::blob_names::{BlobKey, MediaType};
use super::blob_store::{BlobBytes, BlobStore};
use super::lake_files::{LakeFiles, LakeRows, TableWriter, WrittenFile};
use crate::error::{PortError, PortErrorKind};
use crate::lake::{BlobWriter, Cell, Column, ColumnType, TableSchema};
use crate::time::Timestamp;

/// Rows that are handed out at once.
const N_ROWS_AT_ONCE: usize = 64;

/// Files with one JSON object a line.
pub struct JsonLakeFiles {
    blobs: Arc<dyn BlobStore>,
    part_bytes: usize,
}

impl JsonLakeFiles {
    /// Keeps files in `blobs`, sent in parts of `part_bytes`.
    pub fn new(blobs: Arc<dyn BlobStore>, part_bytes: usize) -> Self {
        Self { blobs, part_bytes }
    }
}

/// Says why rows are refused.
fn unfit(key: &BlobKey, why: String) -> PortError {
    PortError::new(PortErrorKind::Rejected, "lake", "write", key.as_str()).with_source(why)
}

fn unreadable(key: &BlobKey, why: impl std::fmt::Display) -> PortError {
    let fault = PortError::new(PortErrorKind::Rejected, "lake", "read", key.as_str());
    fault.with_source(format!("it is not a file of this format: {why}"))
}

struct JsonWriter {
    blob: BlobWriter,
    schema: TableSchema,
    n_rows: u64,
}

fn json(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::Null,
        Cell::Bool(it) => it.into(),
        Cell::Int(it) => it.into(),
        Cell::Float(it) => it.into(),
        Cell::Text(it) => it.into(),
        Cell::Instant(it) => it.as_millis().into(),
    }
}

fn cell(value: Option<&Value>, kind: ColumnType) -> Option<Cell> {
    let value = value.filter(|it| !it.is_null());
    let Some(value) = value else { return Some(Cell::Null) };
    Some(match kind {
        ColumnType::Bool => Cell::Bool(value.as_bool()?),
        ColumnType::Int | ColumnType::Long => Cell::Int(value.as_i64()?),
        ColumnType::Float => Cell::Float(value.as_f64()?),
        ColumnType::Instant => Cell::Instant(Timestamp::from_millis(value.as_i64()?)),
        ColumnType::Text | ColumnType::Json => Cell::Text(value.as_str()?.to_owned()),
    })
}

#[async_trait]
impl LakeFiles for JsonLakeFiles {
    fn extension(&self) -> &'static str {
        "jsonl"
    }

    async fn create(
        &self,
        key: &BlobKey,
        schema: &TableSchema,
    ) -> Result<Box<dyn TableWriter>, PortError> {
        let media_type = MediaType::parse("application/x-ndjson").unwrap_or_default();
        let blob =
            BlobWriter::new(Arc::clone(&self.blobs), key.clone(), media_type, self.part_bytes);
        Ok(Box::new(JsonWriter { blob, schema: schema.clone(), n_rows: 0 }))
    }

    async fn read(&self, key: &BlobKey, schema: &TableSchema) -> Result<LakeRows, PortError> {
        let read = self.blobs.read(key, None).await?;
        let (key, columns) = (key.clone(), schema.columns.clone());
        let rows = lines(read.bytes)
            .map(move |line| line.and_then(|line| row(&key, &line, &columns)))
            .try_chunks(N_ROWS_AT_ONCE)
            .map_err(|error| error.1);
        Ok(Box::pin(rows))
    }
}

fn row(key: &BlobKey, line: &[u8], columns: &[Column]) -> Result<Vec<Cell>, PortError> {
    let object: Map<String, Value> =
        serde_json::from_slice(line).map_err(|error| unreadable(key, error))?;
    let cell = |column: &Column| {
        cell(object.get(&column.name), column.kind)
            .ok_or_else(|| unreadable(key, format!("column `{}` has another type", column.name)))
    };
    columns.iter().map(cell).collect()
}

/// Cuts bytes into lines.
fn lines(bytes: BlobBytes) -> impl futures_util::Stream<Item = Result<Vec<u8>, PortError>> + Send {
    stream::unfold((bytes, Vec::new()), |(mut bytes, mut rest): (BlobBytes, Vec<u8>)| async move {
        loop {
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let next = rest.split_off(end + 1);
                rest.truncate(end);
                return Some((Ok(rest), (bytes, next)));
            }
            match bytes.next().await {
                Some(Ok(some)) => rest.extend_from_slice(&some),
                Some(Err(error)) => return Some((Err(error), (bytes, Vec::new()))),
                None if rest.is_empty() => return None,
                None => return Some((Ok(std::mem::take(&mut rest)), (bytes, rest))),
            }
        }
    })
}

/// Checks that `row` can stand in the columns of `schema`.
///
/// # Errors
///
/// `Rejected` with the name of the column.
pub fn check_row(key: &BlobKey, schema: &TableSchema, row: &[Cell]) -> Result<(), PortError> {
    let columns = &schema.columns;
    if row.len() != columns.len() {
        let why = format!("a row has {} values for {} columns", row.len(), columns.len());
        return Err(unfit(key, why));
    }
    match columns.iter().zip(row).find(|(column, cell)| !cell.fits(column)) {
        None => Ok(()),
        Some((column, _)) => {
            let kind = column.kind.as_str();
            Err(unfit(
                key,
                format!("column `{}` takes `{kind}` and was given another", column.name),
            ))
        }
    }
}

#[async_trait]
impl TableWriter for JsonWriter {
    async fn write(&mut self, rows: Vec<Vec<Cell>>) -> Result<(), PortError> {
        for row in rows {
            check_row(self.blob.key(), &self.schema, &row)?;
            let named = self.schema.columns.iter().map(|it| it.name.clone());
            let object: Map<String, Value> = named.zip(row.into_iter().map(json)).collect();
            let line = Bytes::from(format!("{}\n", Value::Object(object)));
            self.blob.write(&line).await?;
            self.n_rows += 1;
        }
        Ok(())
    }

    fn n_bytes(&self) -> u64 {
        self.blob.n_bytes()
    }

    async fn finish(self: Box<Self>) -> Result<WrittenFile, PortError> {
        let n_rows = self.n_rows;
        let (n_bytes, sha256) = self.blob.finish().await?;
        Ok(WrittenFile { n_rows, n_bytes, sha256 })
    }

    async fn abandon(self: Box<Self>) -> Result<(), PortError> {
        self.blob.abandon().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::lake_files_contract::lake_files_contract;
    use crate::ports::{MemoryBlobStore, SystemClock};

    #[tokio::test]
    async fn lines_of_json_keep_the_contract() {
        for part_bytes in [1, 100, 1_000_000] {
            let blobs: Arc<dyn BlobStore> = Arc::new(MemoryBlobStore::new(Arc::new(SystemClock)));
            let files = JsonLakeFiles::new(Arc::clone(&blobs), part_bytes);
            lake_files_contract(&files, &*blobs).await;
        }
    }
}
