//! Columns of Arrow as rows of the lake.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use shared::lake::{Cell, Column, ColumnType, TableSchema};
use shared::time::Timestamp;

use super::arrays::data_type;

/// A column of a file that is not one of the lake's.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnfitColumn {
    /// It holds something else.
    #[error("column `{column}` of the file holds {found}, and `{}` is wanted", wanted.as_str())]
    Type { column: String, found: DataType, wanted: ColumnType },
    /// It must be there.
    #[error("the file has no column `{column}`")]
    Missing { column: String },
}

/// Turns `batch` into rows in the columns of `schema`.
///
/// # Errors
///
/// [`UnfitColumn`], which names it.
pub(super) fn rows(
    schema: &TableSchema,
    batch: &RecordBatch,
) -> Result<Vec<Vec<Cell>>, UnfitColumn> {
    let n_columns = schema.columns.len();
    let mut rows: Vec<_> = (0..batch.num_rows()).map(|_| Vec::with_capacity(n_columns)).collect();
    for column in &schema.columns {
        let Some(array) = batch.column_by_name(&column.name) else {
            if column.is_required {
                return Err(UnfitColumn::Missing { column: column.name.clone() });
            }
            rows.iter_mut().for_each(|row| row.push(Cell::Null));
            continue;
        };
        let kind = kind_in_file(column, array)?;
        for (place, row) in rows.iter_mut().enumerate() {
            row.push(cell(array, kind, place).widened(column.kind));
        }
    }
    Ok(rows)
}

/// Tells what `column` is in the file: as it is now, or before it was widened.
fn kind_in_file(column: &Column, array: &ArrayRef) -> Result<ColumnType, UnfitColumn> {
    let narrower = [ColumnType::Int].into_iter().filter(|it| it.widens_to(column.kind));
    let mut kinds = std::iter::once(column.kind).chain(narrower);
    let found = array.data_type();
    kinds.find(|it| data_type(*it) == *found).ok_or_else(|| UnfitColumn::Type {
        column: column.name.clone(),
        found: found.clone(),
        wanted: column.kind,
    })
}

fn cell(array: &ArrayRef, kind: ColumnType, place: usize) -> Cell {
    if array.is_null(place) {
        return Cell::Null;
    }
    match kind {
        ColumnType::Bool => Cell::Bool(array.as_boolean().value(place)),
        ColumnType::Int => Cell::Int(array.as_primitive::<Int32Type>().value(place).into()),
        ColumnType::Long => Cell::Int(array.as_primitive::<Int64Type>().value(place)),
        ColumnType::Float => Cell::Float(array.as_primitive::<Float64Type>().value(place)),
        ColumnType::Instant => {
            let millis = array.as_primitive::<TimestampMillisecondType>().value(place);
            Cell::Instant(Timestamp::from_millis(millis))
        }
        ColumnType::Text | ColumnType::Json => {
            Cell::Text(array.as_string::<i32>().value(place).to_owned())
        }
    }
}
