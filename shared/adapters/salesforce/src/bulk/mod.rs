//! Bulk API 2.0: whole objects, both ways, as streams of CSV.

mod csv;

pub use csv::{CellValue, ColumnKind, CsvFault, CsvReader, CsvRecord};
