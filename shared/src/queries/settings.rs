//! How much answers may take.

use std::path::PathBuf;

/// How much answers may take, all that are worked out at the same time together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuerySettings {
    /// Memory for what is sorted, grouped and joined, in bytes: 256 MiB. What needs more is put aside on
    /// disk.
    pub memory_bytes: usize,
    /// Room on disk for that, in bytes: 10 GiB.
    pub spill_bytes: u64,
    /// Where on disk; by default where this machine keeps what is temporary.
    pub spill_folder: Option<PathBuf>,
    /// Readers of one answer that work at the same time; by default as many as the machine has cores.
    pub n_threads: usize,
}

impl Default for QuerySettings {
    fn default() -> Self {
        let mebibytes = 1024 * 1024;
        let n_threads = std::thread::available_parallelism().map_or(1, Into::into);
        Self {
            memory_bytes: 256 * mebibytes,
            spill_bytes: 10 * 1024 * 1024 * 1024,
            spill_folder: None,
            n_threads,
        }
    }
}
