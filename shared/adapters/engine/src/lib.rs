//! The files of the lake in Parquet, streamed from and to the blob port.

mod parquet_files;

pub use parquet_files::{ParquetFiles, ParquetSettings};
