//! Rows of the lake as columns of Arrow.

use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMillisecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use shared::lake::{Cell, Column, ColumnType, TableSchema};

/// The zone of every instant.
const UTC: &str = "UTC";

/// Returns the type of Arrow for `kind`. JSON is text: no reader has to know of more.
pub(crate) fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Int => DataType::Int32,
        ColumnType::Long => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
        ColumnType::Text | ColumnType::Json => DataType::Utf8,
    }
}

/// Returns the columns of Arrow for `schema`.
pub(crate) fn arrow_schema(schema: &TableSchema) -> SchemaRef {
    let field = |it: &Column| Field::new(it.name.as_str(), data_type(it.kind), !it.is_required);
    Arc::new(Schema::new(schema.columns.iter().map(field).collect::<Vec<_>>()))
}

/// Turns `rows`, each of which was checked, into columns.
///
/// # Errors
///
/// [`ArrowError`] when the columns do not fit `arrow`.
pub(crate) fn batch(
    schema: &TableSchema,
    arrow: &SchemaRef,
    rows: &[Vec<Cell>],
) -> Result<RecordBatch, ArrowError> {
    let arrays = schema.columns.iter().enumerate();
    let arrays =
        arrays.map(|(place, column)| array(column.kind, rows.iter().map(|it| it.get(place))));
    RecordBatch::try_new(Arc::clone(arrow), arrays.collect())
}

/// Fills a builder of Arrow with the cells of one kind; all others are without a value.
macro_rules! built {
    ($builder:expr, $cells:ident, $cell:pat => $value:expr) => {{
        let mut builder = $builder;
        for cell in $cells {
            match cell {
                Some($cell) => builder.append_value($value),
                _ => builder.append_null(),
            }
        }
        Arc::new(builder.finish())
    }};
}

fn array<'a>(kind: ColumnType, cells: impl Iterator<Item = Option<&'a Cell>>) -> ArrayRef {
    match kind {
        ColumnType::Bool => built!(BooleanBuilder::new(), cells, Cell::Bool(it) => *it),
        ColumnType::Int => {
            let mut builder = Int32Builder::new();
            for cell in cells {
                let whole = cell.and_then(Cell::as_int);
                builder.append_option(whole.and_then(|it| i32::try_from(it).ok()));
            }
            Arc::new(builder.finish())
        }
        ColumnType::Long => built!(Int64Builder::new(), cells, Cell::Int(it) => *it),
        ColumnType::Float => built!(Float64Builder::new(), cells, Cell::Float(it) => *it),
        ColumnType::Instant => {
            let builder = TimestampMillisecondBuilder::new().with_timezone(UTC);
            built!(builder, cells, Cell::Instant(it) => it.as_millis())
        }
        ColumnType::Text | ColumnType::Json => {
            built!(StringBuilder::new(), cells, Cell::Text(it) => it)
        }
    }
}
