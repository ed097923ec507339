//! Kinds of columns as types of Arrow.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use shared::etl::{ColumnKind, PlannedColumn};

/// The zone of every instant.
pub(super) const UTC: &str = "UTC";

/// Returns the one type that values of `kind` have here.
pub(super) fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Text => DataType::Utf8,
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Long => DataType::Int64,
        ColumnKind::Float => DataType::Float64,
        ColumnKind::Decimal { precision, scale } => {
            DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX))
        }
        ColumnKind::Date => DataType::Date32,
        ColumnKind::Instant => DataType::Timestamp(TimeUnit::Millisecond, Some(UTC.into())),
    }
}

/// Returns the kind that holds every value of `data_type`; `None` when none does.
pub(super) fn kind_of(data_type: &DataType) -> Option<ColumnKind> {
    Some(match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ColumnKind::Text,
        DataType::Boolean => ColumnKind::Bool,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => ColumnKind::Float,
        DataType::Date32 | DataType::Date64 => ColumnKind::Date,
        DataType::Timestamp(..) => ColumnKind::Instant,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            ColumnKind::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        whole if whole.is_integer() => ColumnKind::Long,
        _ => return None,
    })
}

/// Returns the columns of Arrow for `columns`.
pub(super) fn schema_of(columns: &[PlannedColumn]) -> SchemaRef {
    let field = |it: &PlannedColumn| Field::new(&it.name, data_type(it.kind), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}
