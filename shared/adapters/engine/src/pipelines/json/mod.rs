//! Objects of JSON as rows, read and written.

mod members;
mod records;
mod source;
mod write;

pub(super) use source::JsonSource;
pub(super) use write::json_lines;
