//! Columns of Arrow as values of an answer.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _};
use datafusion::arrow::compute::{can_cast_types, cast};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, SchemaRef, TimeUnit,
    TimestampMillisecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::record_batch::RecordBatch;
use shared::etl::ColumnKind;
use shared::queries::{QueryColumn, QueryError, QueryValue};
use shared::time::Timestamp;

/// Tells what a column of an answer holds, and as what type of Arrow it is handed on.
fn kind_of(found: &DataType) -> Option<(ColumnKind, DataType)> {
    let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
    Some(match found {
        DataType::Boolean => (ColumnKind::Bool, DataType::Boolean),
        it if it.is_integer() => (ColumnKind::Long, DataType::Int64),
        it if it.is_floating() => (ColumnKind::Float, DataType::Float64),
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => {
            let digits = u8::try_from(*scale).unwrap_or(0);
            let kind = ColumnKind::Decimal { precision: 38, scale: digits };
            (kind, DataType::Decimal128(38, i8::try_from(digits).unwrap_or(0)))
        }
        DataType::Date32 | DataType::Date64 => (ColumnKind::Date, DataType::Date32),
        DataType::Timestamp(..) => (ColumnKind::Instant, millis),
        it if can_cast_types(it, &DataType::Utf8) && !it.is_nested() => {
            (ColumnKind::Text, DataType::Utf8)
        }
        _ => return None,
    })
}

/// Returns the columns of an answer of `schema`.
///
/// # Errors
///
/// [`QueryError::Invalid`] when a column holds what no answer does, or two have one name.
pub(super) fn columns(schema: &SchemaRef) -> Result<Vec<QueryColumn>, QueryError> {
    let mut columns: Vec<QueryColumn> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let name = field.name();
        let Some((kind, _)) = kind_of(field.data_type()) else {
            let found = field.data_type();
            let text = format!("column `{name}` holds {found}: write `CAST(… AS …)` around it");
            return Err(QueryError::Invalid(text));
        };
        if columns.iter().any(|it| it.name == *name) {
            let text = format!("two columns are called `{name}`: write `AS …` behind one of them");
            return Err(QueryError::Invalid(text));
        }
        columns.push(QueryColumn { name: name.clone(), kind });
    }
    Ok(columns)
}

/// Turns `batch` into rows.
///
/// # Errors
///
/// [`ArrowError`] when a value does not fit, such as a number beyond 64 bits.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<QueryValue>>, ArrowError> {
    let n_columns = batch.num_columns();
    let mut rows: Vec<_> = (0..batch.num_rows()).map(|_| Vec::with_capacity(n_columns)).collect();
    for array in batch.columns() {
        let Some((kind, wanted)) = kind_of(array.data_type()) else { continue };
        let array = match *array.data_type() == wanted {
            true => Arc::clone(array),
            false => cast(array, &wanted)?,
        };
        for (place, row) in rows.iter_mut().enumerate() {
            row.push(value(&array, kind, place));
        }
    }
    Ok(rows)
}

fn value(array: &ArrayRef, kind: ColumnKind, place: usize) -> QueryValue {
    if array.is_null(place) {
        return QueryValue::Null;
    }
    match kind {
        ColumnKind::Bool => QueryValue::Bool(array.as_boolean().value(place)),
        ColumnKind::Long => QueryValue::Long(array.as_primitive::<Int64Type>().value(place)),
        ColumnKind::Float => {
            let value = array.as_primitive::<Float64Type>().value(place);
            // JSON has neither; where there is no number there is no value.
            if value.is_finite() { QueryValue::Float(value) } else { QueryValue::Null }
        }
        ColumnKind::Decimal { scale, .. } => {
            QueryValue::Decimal(array.as_primitive::<Decimal128Type>().value(place), scale)
        }
        ColumnKind::Date => QueryValue::Date(array.as_primitive::<Date32Type>().value(place)),
        ColumnKind::Instant => QueryValue::Instant(Timestamp::from_millis(
            array.as_primitive::<TimestampMillisecondType>().value(place),
        )),
        ColumnKind::Text => QueryValue::Text(array.as_string::<i32>().value(place).to_owned()),
    }
}
