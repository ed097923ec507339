//! Parquet behind the port of the lake's files.

mod arrays;
mod blob_reader;
mod cells;
mod fault;
mod files;
mod writer;

pub use files::{ParquetFiles, ParquetSettings};
#[cfg(feature = "pipelines")]
pub(crate) use {blob_reader::BlobReader, fault::port_error};
