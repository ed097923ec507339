//! CSV as bulk jobs speak it.

mod cell;
mod fault;
mod layout;
mod reader;
mod record;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use cell::is_plain_time;
pub use cell::{CellValue, ColumnKind};
pub use fault::CsvFault;
pub use reader::CsvReader;
pub use record::CsvRecord;
pub use writer::{BadColumns, CsvWriter, RowRefusal};
