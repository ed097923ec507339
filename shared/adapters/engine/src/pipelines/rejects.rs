//! The file of rejects.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use shared::etl::{PipelineError, Reject};

use super::origins::Origins;

/// Returns its columns.
pub(super) fn reject_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text("key"),
        Field::new("line", DataType::UInt64, false),
        text("rule"),
        text("column"),
        text("value"),
        text("reason"),
        text("row"),
    ]))
}

/// Makes rows of it, each with the row that `origins` kept of its line.
///
/// # Errors
///
/// [`PipelineError::Unfit`], which would be a fault of this program.
pub(super) fn reject_batch(
    rejects: &[Reject],
    origins: &Origins,
) -> Result<RecordBatch, PipelineError> {
    let text = |of: fn(&Reject) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rejects.iter().map(of)))
    };
    let columns: Vec<ArrayRef> = vec![
        text(|it| &it.key),
        Arc::new(UInt64Array::from_iter_values(rejects.iter().map(|it| it.line))),
        text(|it| &it.rule),
        text(|it| &it.column),
        text(|it| &it.value),
        text(|it| &it.reason),
        Arc::new(rejects.iter().map(|it| origins.row(it.line)).collect::<StringArray>()),
    ];
    RecordBatch::try_new(reject_schema(), columns).map_err(|error| PipelineError::Unfit {
        at: "the quarantine".to_owned(),
        text: error.to_string(),
    })
}
