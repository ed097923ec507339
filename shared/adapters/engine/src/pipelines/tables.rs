//! Tables of databases as a source and as a sink.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use shared::etl::{PipelineError, PlannedColumn, Sink, WrittenTable};
use shared::ports::{LoadId, TableError, TableLoad, TableLoading, TableRows, Tables, TextRow};

use super::kinds::kind_of;
use super::origins::Origins;
use super::source::{Portion, RowSource, Wanted};
use super::text::text_of;
use super::typed::TypedRows;

/// Reads rows of a table, as they were when the first of them was read.
pub(super) struct TableSource {
    wanted: Wanted,
    from: Box<dyn TableRows>,
    n_read: u64,
    rows: TypedRows,
    origins: Option<Origins>,
}

impl TableSource {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when the table or a column is not there, or nothing here reads tables.
    pub(super) async fn open(
        tables: Option<&Arc<dyn Tables>>,
        wanted: Wanted,
    ) -> Result<Self, PipelineError> {
        let table = wanted.at.database_table();
        let (Some(tables), Some(table)) = (tables, table) else {
            return Err(wanted.unfit(NO_TABLES));
        };
        let from = tables.read(&table, &wanted.names()).await;
        let from = from.map_err(|error| failed("source", &wanted, error))?;
        let rows = TypedRows::new(wanted.columns.clone(), wanted.key.clone());
        let rows = rows.map_err(|error| wanted.unfit(error.to_string()))?;
        Ok(Self { wanted, from, n_read: 0, rows, origins: None })
    }

    /// Takes a row. What is empty there is no value, as in files of text.
    fn take(&mut self, row: &TextRow) {
        self.n_read += 1;
        if let Some(origins) = &mut self.origins {
            origins.keep(self.n_read, row.iter().map(Option::as_deref));
        }
        let value = |place: usize| row.get(place)?.as_deref().filter(|it| !it.is_empty());
        self.rows.push(self.n_read, value);
    }
}

#[async_trait]
impl RowSource for TableSource {
    async fn next(&mut self) -> Result<Option<Portion>, PipelineError> {
        let page = self.from.next().await;
        let page = page.map_err(|error| failed("source", &self.wanted, error))?;
        if page.is_empty() {
            return Ok(None);
        }
        page.iter().for_each(|it| self.take(it));
        self.wanted.portion(&mut self.rows, self.origins.as_mut()).map(Some)
    }

    fn keep_rows(&mut self) {
        self.origins = Some(Origins::of(self.wanted.names()));
    }

    fn unread_columns(&self) -> &[String] {
        self.from.unread_columns()
    }
}

const NO_TABLES: &str = "cannot be reached here: name its database in the settings \
                         (`pipelines.databases`)";

fn failed(what: &'static str, wanted: &Wanted, error: TableError) -> PipelineError {
    match error {
        TableError::Port(error) => PipelineError::store(what, &wanted.at, error),
        TableError::Unfit(text) => wanted.unfit(text),
    }
}

/// Rows into a table, seen when the run is good enough. Dropped, it leaves nothing.
pub(super) struct TableOutput {
    sink: Sink,
    loading: Box<dyn TableLoading>,
    n_rows: u64,
}

impl TableOutput {
    /// Begins to write rows of `schema` into the table of `sink`.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Unfit`] when the table has other columns, or nothing here writes tables.
    pub(super) async fn begin(
        tables: Option<&Arc<dyn Tables>>,
        sink: &Sink,
        schema: &SchemaRef,
        id: LoadId,
    ) -> Result<Self, PipelineError> {
        let unfit = |text: String| PipelineError::Unfit { at: sink.at.to_string(), text };
        let (Some(tables), Some(table)) = (tables, sink.at.database_table()) else {
            return Err(unfit(NO_TABLES.to_owned()));
        };
        let column = |it: &Arc<arrow_schema::Field>| {
            let (name, kind) = (it.name().clone(), kind_of(it.data_type())?);
            Some(PlannedColumn { name, kind })
        };
        let columns: Option<Vec<PlannedColumn>> = schema.fields().iter().map(column).collect();
        let columns = columns.ok_or_else(|| unfit("a column has no type of a table".to_owned()))?;
        let load = TableLoad { table, columns, mode: sink.write.clone(), id };
        let loading = tables.load(load).await.map_err(|error| refused(sink, error))?;
        Ok(Self { sink: sink.clone(), loading, n_rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// As the database answers; it is to be dropped.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), PipelineError> {
        self.n_rows += batch.num_rows() as u64;
        let row = |row| batch.columns().iter().map(|it| text_of(it, row)).collect();
        let rows: Vec<TextRow> = (0..batch.num_rows()).map(row).collect();
        self.loading.write(&rows).await.map_err(|error| refused(&self.sink, error))
    }

    /// Ends it: from now on the rows are seen.
    ///
    /// # Errors
    ///
    /// As the database answers.
    pub(super) async fn finish(self) -> Result<WrittenTable, PipelineError> {
        let Self { sink, loading, n_rows } = self;
        let loaded = loading.finish().await.map_err(|error| refused(&sink, error))?;
        Ok(WrittenTable {
            at: sink.at.to_string(),
            write: sink.write.as_str(),
            n_rows,
            n_new: loaded.n_new,
            n_changed: loaded.n_changed,
            was_there: loaded.was_there,
        })
    }
}

fn refused(sink: &Sink, error: TableError) -> PipelineError {
    match error {
        TableError::Port(error) => PipelineError::store("sink", &sink.at, error),
        TableError::Unfit(text) => PipelineError::Unfit { at: sink.at.to_string(), text },
    }
}
