//! Why a transfer failed.

use std::io;
use std::path::{Path, PathBuf};

use crate::error::PortError;

/// Why a transfer failed. What was moved before stays moved, unless the error says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A file of this machine cannot be used.
    #[error("cannot {doing} `{}`", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file was changed while it was sent.
    #[error("`{}` was changed while it was sent: send it again once nobody writes to it", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Longer than the store's parts allow.
    #[error("`{}` has {n_bytes} bytes, and the store takes {max_bytes} at most", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Its length.
        n_bytes: u64,
        /// The store's limit.
        max_bytes: u64,
    },
    /// What arrived is not what was sent.
    #[error("what arrived under `{key}` is not what was sent: nothing of it was kept, try again")]
    Damaged {
        /// The blob.
        key: String,
    },
    /// The store made a blob of another length of parts that each arrived whole.
    #[error(
        "the store made {n_kept} bytes under `{key}` of a file of {n_sent}: delete it, then send the file again"
    )]
    Misassembled {
        /// The blob, which stays until somebody deletes it.
        key: String,
        /// Its length in bytes.
        n_kept: u64,
        /// The length of the file in bytes.
        n_sent: u64,
    },
    /// The blob store failed.
    #[error(transparent)]
    Store(#[from] PortError),
}

/// Says on what file an input or output failed.
pub(super) fn on<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> TransferError + use<'a> {
    move |source| TransferError::File { doing, path: path.to_owned(), source }
}
