//! Reads parts of files of the lake for plans, and counts what was read.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::common::exec_datafusion_err;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use shared::PortError;
use shared::ports::{BlobKey, BlobStore};

use crate::parquet_files::BlobReader;

/// Parts that lie nearer to each other are read as one: a request costs more than so many bytes.
const GAP_BYTES: u64 = 256 * 1024;
/// The longest part that is read at once because of that.
const MERGED_BYTES: u64 = 8 * 1024 * 1024;
/// Parts of one file that are read at the same time.
const N_AT_ONCE: usize = 8;

/// What one question has read.
#[derive(Debug, Default)]
pub(super) struct Meter {
    n_bytes: AtomicU64,
    /// What the blob store said, before the engine turned it into words of its own.
    failed: Mutex<Option<PortError>>,
}

impl Meter {
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes.load(Ordering::Relaxed)
    }

    /// Takes the fault of a store, when there was one.
    pub(super) fn take_failure(&self) -> Option<PortError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn fail(&self, error: PortError) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The footers of files, which are never changed.
#[derive(Debug)]
pub(super) struct Footers {
    max_bytes: usize,
    kept: Mutex<(usize, HashMap<BlobKey, Arc<ParquetMetaData>>)>,
}

impl Footers {
    /// Keeps about `max_bytes` of them.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, kept: Mutex::default() }
    }

    fn get(&self, key: &BlobKey, with_pages: bool) -> Option<Arc<ParquetMetaData>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.get(key).filter(|it| !with_pages || it.offset_index().is_some()).cloned()
    }

    fn keep(&self, key: &BlobKey, footer: &Arc<ParquetMetaData>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let n_bytes = footer.memory_size();
        if kept.0 + n_bytes > self.max_bytes {
            // Reading them anew costs little, and it is seldom.
            *kept = (0, HashMap::new());
        }
        let before = kept.1.insert(key.clone(), Arc::clone(footer));
        kept.0 = (kept.0 + n_bytes).saturating_sub(before.map_or(0, |it| it.memory_size()));
    }
}

/// Opens files of the lake for one question.
pub(super) struct LakeReaders {
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) footers: Arc<Footers>,
    pub(super) meter: Arc<Meter>,
}

impl fmt::Debug for LakeReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeReaders").finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for LakeReaders {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _footer_bytes: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let key = file.extension::<BlobKey>().cloned();
        let key = key.ok_or_else(|| exec_datafusion_err!("a file of the lake has no name"))?;
        let n_bytes = file.object_meta.size;
        let inner = BlobReader::of_length(Arc::clone(&self.blobs), key.clone(), n_bytes);
        let (footers, meter) = (Arc::clone(&self.footers), Arc::clone(&self.meter));
        Ok(Box::new(LakeReader { key, inner: Counted { inner, meter }, footers }))
    }
}

/// Reads parts of one file, those that lie near to each other at once.
struct LakeReader {
    key: BlobKey,
    inner: Counted,
    footers: Arc<Footers>,
}

#[derive(Clone)]
struct Counted {
    inner: BlobReader,
    meter: Arc<Meter>,
}

impl Counted {
    async fn part(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        let part = self.inner.part(range).await;
        self.noted(part, |it| it.len() as u64)
    }

    fn noted<T>(
        &self,
        read: parquet::errors::Result<T>,
        n_bytes: impl Fn(&T) -> u64,
    ) -> parquet::errors::Result<T> {
        match read {
            Ok(read) => {
                self.meter.n_bytes.fetch_add(n_bytes(&read), Ordering::Relaxed);
                Ok(read)
            }
            Err(ParquetError::External(error)) => match error.downcast::<PortError>() {
                Ok(port) => {
                    self.meter.fail(*port);
                    Err(ParquetError::General("the blob store failed".to_owned()))
                }
                Err(other) => Err(ParquetError::External(other)),
            },
            Err(other) => Err(other),
        }
    }
}

impl AsyncFileReader for Counted {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.part(range).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        BlobReader::footer(self, options)
    }
}

impl crate::parquet_files::KnownLength for Counted {
    fn n_bytes(&self) -> u64 {
        self.inner.n_bytes()
    }
}

impl AsyncFileReader for LakeReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.inner.part(range).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        let reader = self.inner.clone();
        async move {
            let merged = merged(&ranges);
            let reads = merged.iter().cloned().map(|it| reader.part(it));
            let parts: Vec<Bytes> = stream::iter(reads).buffered(N_AT_ONCE).try_collect().await?;
            let part = |range: &Range<u64>| {
                let at = merged.partition_point(|it| it.end < range.end);
                let (whole, bytes) = merged.get(at).zip(parts.get(at))?;
                let from = usize::try_from(range.start.checked_sub(whole.start)?).ok()?;
                let until = usize::try_from(range.end.checked_sub(whole.start)?).ok()?;
                (until <= bytes.len() && from <= until).then(|| bytes.slice(from..until))
            };
            let cut: Option<Vec<Bytes>> = ranges.iter().map(part).collect();
            cut.ok_or_else(|| ParquetError::EOF("a part of the file did not come".to_owned()))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let policy = options.map(ArrowReaderOptions::offset_index_policy);
            let with_pages = policy.is_some_and(|it| it != PageIndexPolicy::Skip);
            if let Some(footer) = self.footers.get(&self.key, with_pages) {
                return Ok(footer);
            }
            let footer = self.inner.get_metadata(options).await?;
            self.footers.keep(&self.key, &footer);
            Ok(footer)
        }
        .boxed()
    }
}

/// Makes one range of those that lie near to each other; the ranges that come out are in order and
/// do not overlap.
fn merged(ranges: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted = ranges.to_vec();
    sorted.sort_by_key(|it| (it.start, it.end));
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(sorted.len());
    for range in sorted {
        match merged.last_mut() {
            Some(last)
                if range.start < last.end
                    || (range.start - last.end <= GAP_BYTES
                        && range.end - last.start <= MERGED_BYTES) =>
            {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_parts_are_read_at_once() {
        let far = 100 * GAP_BYTES;
        let ranges = [far..far + 10, 0..10, 5..20, 20..30, 30 + GAP_BYTES..40 + GAP_BYTES];
        assert_eq!(merged(&ranges), [0..40 + GAP_BYTES, far..far + 10]);
        let long = [0..MERGED_BYTES, MERGED_BYTES..MERGED_BYTES + 5];
        assert_eq!(merged(&long), long);
        assert!(merged(&[]).is_empty());
    }
}
