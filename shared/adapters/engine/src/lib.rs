//! The files of the lake in Parquet, pipelines over record batches, and questions to the lake, from and
//! to the blob port.

mod parquet_files;
#[cfg(feature = "pipelines")]
mod pipelines;
#[cfg(feature = "query")]
mod query;

pub use parquet_files::{ParquetFiles, ParquetSettings};
#[cfg(feature = "pipelines")]
pub use pipelines::{OpenStore, Pipelines};
#[cfg(feature = "query")]
pub use query::{LakeQueries, LivePorts, QueryPorts};
