//! Parquet behind the port of the lake's files.

mod arrays;
mod blob_reader;
mod cells;
mod fault;
mod files;
mod writer;

#[cfg(any(feature = "pipelines", feature = "query"))]
pub(crate) use blob_reader::BlobReader;
#[cfg(feature = "pipelines")]
pub(crate) use fault::port_error;
pub use files::{ParquetFiles, ParquetSettings};
#[cfg(feature = "query")]
pub(crate) use {
    arrays::{arrow_schema, batch as rows_as_batch, data_type},
    blob_reader::KnownLength,
};
