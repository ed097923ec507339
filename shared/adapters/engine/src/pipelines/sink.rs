//! Where the rows of a run go: into a file, or into a table.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use shared::etl::{FileForm, PipelineError, RunReport, Sink};
use shared::ports::LoadId;

use super::output::Output;
use super::source::Stores;
use super::tables::TableOutput;

/// The sink of a run. Dropped, it leaves at most parts of an upload that nobody sees.
pub(super) enum RunSink {
    File(Box<Output>),
    Table(TableOutput),
}

impl RunSink {
    /// Begins to write rows of `schema` into `sink`.
    ///
    /// # Errors
    ///
    /// As the store or the database answers.
    pub(super) async fn begin(
        stores: &Stores,
        sink: &Sink,
        schema: &SchemaRef,
        id: LoadId,
    ) -> Result<Self, PipelineError> {
        Ok(match sink.form {
            FileForm::Database => {
                let tables = stores.tables.as_ref();
                Self::Table(TableOutput::begin(tables, sink, schema, id).await?)
            }
            _ => Self::File(Box::new(Output::begin(&stores.open, "sink", sink, schema).await?)),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    ///
    /// As the store or the database answers; it is to be abandoned.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), PipelineError> {
        match self {
            Self::File(file) => file.write(batch).await,
            Self::Table(table) => table.write(batch).await,
        }
    }

    /// Ends it: from now on the rows are seen. The report is told what was written.
    ///
    /// # Errors
    ///
    /// As the store or the database answers.
    pub(super) async fn finish(self, report: &mut RunReport) -> Result<(), PipelineError> {
        match self {
            Self::File(file) => report.output = Some(file.finish().await?),
            Self::Table(table) => report.table = Some(table.finish().await?),
        }
        Ok(())
    }

    /// Forgets the rows: what was there is still seen.
    ///
    /// # Errors
    ///
    /// [`PipelineError::Store`].
    pub(super) async fn abandon(self) -> Result<(), PipelineError> {
        match self {
            Self::File(file) => file.abandon().await,
            // What is of the session alone goes with its connection.
            Self::Table(table) => {
                drop(table);
                Ok(())
            }
        }
    }
}
