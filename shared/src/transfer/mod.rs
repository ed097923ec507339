//! Large files to and from a blob store: in parts, several at once, resumed after a stop, and proven by
//! digests from end to end. Memory does not grow with the file.

mod download;
mod fault;
mod local_file;
mod plan;
mod resume;
mod upload;

#[cfg(test)]
mod tests;

pub use download::{Downloaded, download};
pub use fault::TransferError;
pub use local_file::ScannedFile;
pub use upload::{Uploaded, upload};

/// How many parts are on their way at once. Each is 8 MiB, and as much again may lie in what the allocator keeps.
const N_AT_ONCE: usize = 2;

/// Hears how far a transfer has come.
pub trait Progress: Send + Sync {
    /// `n_bytes` of `n_total` are on the other side. The first call tells what an earlier run left
    /// there.
    fn moved(&self, n_bytes: u64, n_total: u64);
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Unwatched;

impl Progress for Unwatched {
    fn moved(&self, _n_bytes: u64, _n_total: u64) {}
}
