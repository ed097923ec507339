//! The files of the lake in Parquet, and pipelines over record batches, from and to the blob port.

mod parquet_files;
#[cfg(feature = "pipelines")]
mod pipelines;

pub use parquet_files::{ParquetFiles, ParquetSettings};
#[cfg(feature = "pipelines")]
pub use pipelines::{OpenStore, Pipelines};
