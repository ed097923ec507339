//! Versions of rows, with the time in which each held.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use arrow_schema::{ArrowError, SchemaRef};
use datafusion_common::Result;
use datafusion_common::arrow::compute::{concat_batches, take, take_record_batch};
use datafusion_common::arrow::row::{RowConverter, Rows as Compared};
use futures_util::{Stream, StreamExt as _, stream};
use shared::etl::PipelineError;

use super::feed::{Feed, input, packed, packed_schema, parted};
use super::first::{columns, converter};
use super::join::readable;
use super::operators::sorted;
use super::source::{Running, SetFigures, Turn, whole};
use super::space::Space;
use super::work::{HistoryWork, Sorting};
use crate::pipelines::rows::Rows;
use crate::pipelines::source::{Files, Portion, RowSource};

/// The number of the first new row: those of the file so far come before.
pub(super) const FIRST_NEW_ROW: u64 = 1 << 63;

/// What a history begins with.
pub(super) struct Beginning<'a> {
    pub(super) path: &'a str,
    pub(super) before: &'a SchemaRef,
    pub(super) behind: &'a SchemaRef,
    pub(super) work: &'a HistoryWork,
    pub(super) feed: &'a Feed,
    pub(super) files: &'a Files,
    pub(super) space: &'a Space,
    pub(super) figures: &'a SetFigures,
}

impl Beginning<'_> {
    /// Sorts the versions so far and the new rows together.
    ///
    /// # Errors
    ///
    /// [`PipelineError`] when the versions so far cannot be read.
    pub(super) async fn begin(self) -> Result<Running, PipelineError> {
        let Self { path, before, behind, work, feed, files, space, figures } = self;
        let earlier = files.open_if_there(work.against.clone()).await?;
        if earlier.is_none() {
            figures.note(format!("begins: there is no `{}` yet", work.against.at));
        }
        let packed = packed_schema(before);
        let earlier = match earlier {
            Some(source) => versions(source, work, before, feed, space.batch_bytes()).boxed(),
            None => stream::empty().boxed(),
        };
        let row = before.fields().len() + 2;
        let order = work.key.iter().chain([&work.from, &row]).map(|it| Sorting::ascending(*it));
        let plan = input(&packed, earlier.chain(feed.stream()));
        let plan = plan.and_then(|it| sorted(it, order));
        let turn = Versions::new(work.clone(), before, Arc::clone(behind));
        let turn = turn.map_err(|error| space.unfit(path, &error.into()))?;
        plan.and_then(|it| Running::begin(it, Box::new(turn), space))
            .map_err(|error| space.unfit(path, &error))
    }
}

/// Reads the versions so far. When each ended is worked out anew.
fn versions(
    source: Box<dyn RowSource>,
    work: &HistoryWork,
    before: &SchemaRef,
    feed: &Feed,
    max_bytes: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
    let (work, before, feed) = (work.clone(), Arc::clone(before), feed.clone());
    let state = (source, work, before, feed, 0_u64, VecDeque::new());
    stream::try_unfold(state, move |state| async move {
        let (mut source, work, before, feed, mut first, mut parts) = state;
        loop {
            if let Some(batch) = parts.pop_front() {
                return Ok(Some((batch, (source, work, before, feed, first, parts))));
            }
            let next = match source.next().await {
                Ok(None) => return Ok(None),
                Ok(Some(portion)) => readable(&work.against.at, portion),
                Err(error) => Err(error),
            };
            let rows = next.map_err(|error| feed.fail(error))?;
            let n_rows = rows.len() as u64;
            parts = parted(version(&rows, &work, &before, first)?, max_bytes)?;
            first += n_rows;
        }
    })
}

/// Makes of versions so far what new rows are.
fn version(
    rows: &Rows,
    work: &HistoryWork,
    before: &SchemaRef,
    first: u64,
) -> Result<RecordBatch, ArrowError> {
    let wanted: Vec<usize> = (0..before.fields().len()).collect();
    let batch = RecordBatch::try_new(Arc::clone(before), columns(&rows.batch, &wanted))?;
    // They stand in no line of the source.
    let lines = UInt64Array::from_iter_values(std::iter::repeat_n(0, rows.len()));
    let keys = columns(&batch, &work.key);
    packed(&Rows::new(batch, Arc::new(lines), keys), &packed_schema(before), first)
}

/// Makes versions of rows that are sorted by key, time and number.
struct Versions {
    work: HistoryWork,
    schema: SchemaRef,
    keys: RowConverter,
    values: RowConverter,
    times: RowConverter,
    /// The rows that `open` and `pending` mean, first.
    kept: Option<RecordBatch>,
    /// The version that holds until another is found.
    open: Option<usize>,
    /// The row that may begin the next one; an equal time may put another in its place.
    pending: Option<usize>,
}

/// Rows with what of them is compared.
struct Compare {
    keys: Compared,
    values: Compared,
    times: Compared,
}

impl Versions {
    fn new(work: HistoryWork, before: &SchemaRef, schema: SchemaRef) -> Result<Self, ArrowError> {
        let keys = converter(before, &work.key)?;
        let values = converter(before, &work.compare)?;
        let times = converter(before, &[work.from])?;
        Ok(Self { work, schema, keys, values, times, kept: None, open: None, pending: None })
    }

    fn compare(&mut self, batch: &RecordBatch) -> Result<Compare, ArrowError> {
        Ok(Compare {
            keys: self.keys.convert_columns(&columns(batch, &self.work.key))?,
            values: self.values.convert_columns(&columns(batch, &self.work.compare))?,
            times: self.times.convert_columns(&columns(batch, &[self.work.from]))?,
        })
    }

    /// No more rows have the time of the pending one: it begins a version, or tells what was known.
    fn settle(&mut self, compare: &Compare, out: &mut Vec<(usize, Option<usize>)>) {
        let Some(pending) = self.pending.take() else { return };
        match self.open {
            Some(open) if compare.values.row(open) == compare.values.row(pending) => {}
            Some(open) => {
                out.push((open, Some(pending)));
                self.open = Some(pending);
            }
            None => self.open = Some(pending),
        }
    }

    fn pass(&mut self, row: usize, compare: &Compare, out: &mut Vec<(usize, Option<usize>)>) {
        let Some(pending) = self.pending else {
            self.pending = Some(row);
            return;
        };
        if compare.keys.row(row) != compare.keys.row(pending) {
            self.settle(compare, out);
            out.extend(self.open.take().map(|it| (it, None)));
        } else if compare.times.row(row) != compare.times.row(pending) {
            self.settle(compare, out);
        } else if compare.values.row(row) == compare.values.row(pending) {
            return;
        }
        self.pending = Some(row);
    }

    /// Gives versions: the row of each, and the one that ends it.
    fn give(
        &self,
        batch: &RecordBatch,
        out: &[(usize, Option<usize>)],
    ) -> Result<Portion, ArrowError> {
        let begins = UInt64Array::from_iter_values(out.iter().map(|it| it.0 as u64));
        let ends: UInt64Array = out.iter().map(|it| it.1.map(|it| it as u64)).collect();
        let taken = take_record_batch(batch, &begins)?;
        let n_columns = self.schema.fields().len() - 2;
        let hidden = |place: usize| {
            let found = taken.columns().get(n_columns + place).cloned();
            found.ok_or_else(|| ArrowError::SchemaError("no line behind a row".to_owned()))
        };
        let from = columns(batch, &[self.work.from]);
        let to = from.first().map(|it| take(it, &ends, None)).transpose()?;
        let is_current: BooleanArray = out.iter().map(|it| Some(it.1.is_none())).collect();
        let mut behind: Vec<ArrayRef> = taken.columns().iter().take(n_columns).cloned().collect();
        behind.extend(to);
        behind.push(Arc::new(is_current));
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), behind)?;
        Ok(whole(Rows::new(rows, hidden(0)?, vec![hidden(1)?])))
    }
}

impl Turn for Versions {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        let kept = self.kept.take();
        let n_kept = kept.as_ref().map_or(0, RecordBatch::num_rows);
        let all = match kept {
            Some(kept) => concat_batches(&batch.schema(), [&kept, &batch])?,
            None => batch,
        };
        let compare = self.compare(&all)?;
        let mut out = Vec::new();
        for row in n_kept..all.num_rows() {
            self.pass(row, &compare, &mut out);
        }
        let portion = self.give(&all, &out)?;
        let meant = [self.open, self.pending];
        let rows = UInt64Array::from_iter_values(meant.iter().flatten().map(|it| *it as u64));
        self.kept = Some(take_record_batch(&all, &rows)?);
        self.open = self.open.map(|_| 0);
        self.pending = self.pending.map(|_| usize::from(self.open.is_some()));
        Ok(portion)
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        let Some(all) = self.kept.take() else { return Ok(None) };
        let compare = self.compare(&all)?;
        let mut out = Vec::new();
        self.settle(&compare, &mut out);
        out.extend(self.open.take().map(|it| (it, None)));
        self.give(&all, &out).map(Some)
    }
}
