//! Rows matched with those of another file.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, SortOptions};
use datafusion_common::{JoinType, NullEquality, Result};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::joins::utils::JoinOn;
use datafusion_physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};
use futures_util::{Stream, StreamExt as _, stream};
use shared::etl::{JoinKind, PipelineError, Place};

use super::feed::{Feed, input, ordered_input, packed_schema, parted, unpacked};
use super::first::columns;
use super::lookup::Lookup;
use super::operators::{column, sorted};
use super::source::{Plain, Running, SetFigures, Turn, whole};
use super::space::Space;
use super::work::{JoinWork, Sorting};
use crate::pipelines::rows::Rows;
use crate::pipelines::source::{Files, Portion, RowSource};

/// The line of a row of the other file.
const THEIR_LINE: &str = "\0their-line";

/// What a join begins with.
pub(super) struct Beginning<'a> {
    pub(super) path: &'a str,
    pub(super) before: &'a SchemaRef,
    pub(super) behind: &'a SchemaRef,
    pub(super) work: &'a JoinWork,
    pub(super) feed: &'a Feed,
    pub(super) files: &'a Files,
    pub(super) space: &'a Space,
    pub(super) figures: &'a SetFigures,
}

impl Beginning<'_> {
    /// Reads the other file as far as memory allows. When all of it fits, rows are looked up while they
    /// pass; else both sides are sorted, and the rows once more, so that they come as they came.
    ///
    /// # Errors
    ///
    /// [`PipelineError`] when the other file cannot be read.
    pub(super) async fn begin(self) -> Result<Running, PipelineError> {
        let Self { path, work, feed, files, space, figures, .. } = self;
        let mut source = files.open(work.with.clone()).await?;
        let schema = self.their_schema();
        let (mut held, mut n_bytes) = (Vec::new(), 0);
        while n_bytes <= space.held_bytes()
            && let Some(portion) = source.next().await?
        {
            for batch in theirs(work, portion, &schema, space.batch_bytes())? {
                n_bytes += batch.get_array_memory_size();
                held.push(batch);
            }
        }
        let is_held = n_bytes <= space.held_bytes();
        let held = stream::iter(held.into_iter().map(Ok));
        let plan = match is_held {
            true => self.looked_up(&schema, held),
            false => {
                figures.note(format!("`{}` is sorted on disk", work.with.at));
                self.merged(
                    &schema,
                    held.chain(rest(source, work, &schema, feed, space.batch_bytes())),
                )
            }
        };
        let turn = self.turn(schema.fields().len());
        plan.and_then(|it| Running::begin(it, turn, space))
            .map_err(|error| space.unfit(path, &error))
    }

    fn their_schema(&self) -> SchemaRef {
        let JoinWork { with, needed, .. } = self.work;
        let schema = with.schema();
        let fields = needed.iter().filter_map(|it| schema.fields().get(*it));
        let mut fields: Vec<Field> = fields.map(|it| it.as_ref().clone()).collect();
        fields.push(Field::new(THEIR_LINE, DataType::UInt64, true));
        Arc::new(Schema::new(fields))
    }

    /// Ours is the right side: its rows pass, and their order is kept.
    fn join_type(&self) -> JoinType {
        match self.work.kind {
            JoinKind::Inner => JoinType::Inner,
            JoinKind::Left => JoinType::Right,
            JoinKind::Semi => JoinType::RightSemi,
            JoinKind::Anti => JoinType::RightAnti,
        }
    }

    fn on(&self, theirs: &SchemaRef, ours: &SchemaRef) -> JoinOn {
        let places = self.work.theirs.iter().zip(&self.work.ours);
        places.map(|(their, our)| (column(theirs, *their), column(ours, *our))).collect()
    }

    fn looked_up(
        &self,
        schema: &SchemaRef,
        held: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let packed = packed_schema(self.before);
        let plan = HashJoinExec::try_new(
            input(schema, held)?,
            // Without an order, rows without a match would come behind the others of their batch.
            ordered_input(&packed, self.feed.stream(), Some(packed.fields().len() - 1))?,
            self.on(schema, &packed),
            None,
            &self.join_type(),
            None,
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNothing,
            false,
        )?;
        Ok(Arc::new(plan))
    }

    fn merged(
        &self,
        schema: &SchemaRef,
        all: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let packed = packed_schema(self.before);
        let n_theirs = schema.fields().len();
        let order =
            |places: &[usize]| places.iter().map(|it| Sorting::ascending(*it)).collect::<Vec<_>>();
        let options = SortOptions { descending: false, nulls_first: false };
        let plan = SortMergeJoinExec::try_new(
            sorted(input(schema, all)?, order(&self.work.theirs))?,
            sorted(input(&packed, self.feed.stream())?, order(&self.work.ours))?,
            self.on(schema, &packed),
            None,
            self.join_type(),
            vec![options; self.work.ours.len()],
            NullEquality::NullEqualsNothing,
        )?;
        // The number of a row stands last, and the line of theirs before all of ours.
        let row = plan.schema().fields().len() - 1;
        let mut order = vec![Sorting::ascending(row)];
        if self.work.kind.gives_columns() {
            order.push(Sorting::ascending(n_theirs - 1));
        }
        sorted(Arc::new(plan), order)
    }

    fn turn(&self, n_theirs: usize) -> Box<dyn Turn> {
        let schema = Arc::clone(self.behind);
        if !self.work.kind.gives_columns() {
            return Box::new(Plain { schema });
        }
        let n_ours = self.before.fields().len();
        let ours = n_theirs..n_theirs + n_ours;
        let places = ours.clone().chain(self.work.taken.iter().copied()).collect();
        let joined = Joined { places, n_columns: ours.end, schema };
        match self.work.is_lookup {
            true => Box::new(Lookup::new(
                joined,
                n_theirs - 1,
                self.work.our_names.clone(),
                self.work.with.at.to_string(),
            )),
            false => Box::new(joined),
        }
    }
}

/// Takes rows of the other file. All of them must be readable: what is missing there would be missing here
/// without a word.
fn theirs(
    work: &JoinWork,
    portion: Portion,
    schema: &SchemaRef,
    max_bytes: usize,
) -> Result<VecDeque<RecordBatch>, PipelineError> {
    let at = &work.with.at;
    let rows = readable(at, portion)?;
    let mut columns = columns(&rows.batch, &work.needed);
    columns.push(Arc::clone(rows.lines()));
    let batch = RecordBatch::try_new(Arc::clone(schema), columns);
    batch
        .and_then(|it| parted(it, max_bytes))
        .map_err(|error| PipelineError::Unfit { at: at.to_string(), text: error.to_string() })
}

/// Returns the rows when all of them could be read.
///
/// # Errors
///
/// [`PipelineError::Unfit`], which names the line.
pub(super) fn readable(at: &Place, portion: Portion) -> Result<Rows, PipelineError> {
    let Some(reject) = portion.rejects.into_iter().next() else { return Ok(portion.rows) };
    let column = match reject.column.as_str() {
        "" => String::new(),
        column => format!("`{column}`: "),
    };
    let text = format!(
        "line {}: {column}`{}` {}: all rows of a file that a step reads must be right",
        reject.line, reject.value, reject.reason
    );
    Err(PipelineError::Unfit { at: at.to_string(), text })
}

/// Returns what is left of the other file.
fn rest(
    source: Box<dyn RowSource>,
    work: &JoinWork,
    schema: &SchemaRef,
    feed: &Feed,
    max_bytes: usize,
) -> impl Stream<Item = Result<RecordBatch>> + Send + use<> {
    let (work, schema, feed) = (work.clone(), Arc::clone(schema), feed.clone());
    let state = (source, work, schema, feed, VecDeque::new());
    stream::try_unfold(state, move |(mut source, work, schema, feed, mut parts)| async move {
        loop {
            if let Some(batch) = parts.pop_front() {
                return Ok(Some((batch, (source, work, schema, feed, parts))));
            }
            let next = match source.next().await {
                Ok(None) => return Ok(None),
                Ok(Some(portion)) => theirs(&work, portion, &schema, max_bytes),
                Err(error) => Err(error),
            };
            parts = next.map_err(|error| feed.fail(error))?;
        }
    })
}

/// Rows with their columns of the other file.
pub(super) struct Joined {
    /// The columns behind the join, in an operator's batch.
    places: Vec<usize>,
    /// Where what stands behind the columns begins.
    pub(super) n_columns: usize,
    schema: SchemaRef,
}

impl Joined {
    /// Takes a batch apart.
    ///
    /// # Errors
    ///
    /// None that this program can cause.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Result<Rows, ArrowError> {
        unpacked(batch, self.places.iter().copied(), self.n_columns, &self.schema)
    }
}

impl Turn for Joined {
    fn take(&mut self, batch: RecordBatch) -> Result<Portion, ArrowError> {
        Ok(whole(self.rows(&batch)?))
    }

    fn end(&mut self) -> Result<Option<Portion>, ArrowError> {
        Ok(None)
    }
}
