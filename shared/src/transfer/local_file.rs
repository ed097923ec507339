//! A file of this machine, read at several places at once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::fault::{TransferError, on};
use crate::ports::{RunningSha256, Sha256Digest};

/// How much is read at once where nothing else asks for more.
const PIECE: usize = 256 * 1024;

/// By what a file is known again without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    pub(super) n_bytes: u64,
    /// Since 1970, in nanoseconds.
    modified_at: u128,
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self, TransferError> {
        let known = std::fs::metadata(path).map_err(on("read", path))?;
        if !known.is_file() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is no plain file");
            return Err(on("read", path)(source));
        }
        let modified = known.modified().map_err(on("read", path))?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self { n_bytes: known.len(), modified_at: since.as_nanos() })
    }
}

/// A file whose digest was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannedFile {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) sha256: Sha256Digest,
}

impl ScannedFile {
    /// Reads the whole file once.
    ///
    /// # Errors
    ///
    /// [`TransferError::File`] when it cannot be read, [`TransferError::Changed`] when it grew or
    /// shrank meanwhile.
    pub async fn scan(path: &Path) -> Result<Self, TransferError> {
        let path = path.to_owned();
        blocking(move || {
            let stamp = Stamp::of(&path)?;
            let sha256 = digest(&path)?;
            if Stamp::of(&path)? != stamp {
                return Err(TransferError::Changed { path });
            }
            Ok(Self { path, stamp, sha256 })
        })
        .await
    }

    /// Returns the digest of the whole.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// Returns the length in bytes.
    pub fn n_bytes(&self) -> u64 {
        self.stamp.n_bytes
    }

    /// Fails when the file is no longer what was scanned, as far as length and time tell.
    pub(super) fn check(&self) -> Result<(), TransferError> {
        match Stamp::of(&self.path)? == self.stamp {
            true => Ok(()),
            false => Err(TransferError::Changed { path: self.path.clone() }),
        }
    }
}

/// Takes the digest of a whole file.
pub(super) fn digest(path: &Path) -> Result<Sha256Digest, TransferError> {
    let mut file = File::open(path).map_err(on("read", path))?;
    let (mut running, mut piece) = (RunningSha256::default(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(running.finish()),
            Ok(n) => running.update(piece.get(..n).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(on("read", path)(error)),
        }
    }
}

/// Reads `length` bytes from `from` on.
pub(super) async fn read_at(path: &Path, from: u64, length: u64) -> Result<Bytes, TransferError> {
    let path = path.to_owned();
    blocking(move || {
        let mut file = File::open(&path).map_err(on("read", &path))?;
        file.seek(SeekFrom::Start(from)).map_err(on("read", &path))?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes.into()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(TransferError::Changed { path })
            }
            Err(error) => Err(on("read", &path)(error)),
        }
    })
    .await
}

/// Writes at one place of a file that is there already, piece by piece.
pub(super) struct Writing {
    path: PathBuf,
    at: u64,
    waiting: Vec<u8>,
}

impl Writing {
    pub(super) fn new(path: &Path, from: u64) -> Self {
        Self { path: path.to_owned(), at: from, waiting: Vec::with_capacity(PIECE) }
    }

    /// Takes some bytes; they are written once there are enough.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), TransferError> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < PIECE { Ok(()) } else { self.flush().await }
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<(), TransferError> {
        let (path, from) = (self.path.clone(), self.at);
        let bytes = std::mem::take(&mut self.waiting);
        self.at += bytes.len() as u64;
        self.waiting = blocking(move || {
            let open = std::fs::OpenOptions::new().write(true).open(&path);
            let mut file = open.map_err(on("write", &path))?;
            file.seek(SeekFrom::Start(from)).map_err(on("write", &path))?;
            file.write_all(&bytes).map_err(on("write", &path))?;
            let mut bytes = bytes;
            bytes.clear();
            Ok(bytes)
        })
        .await?;
        Ok(())
    }
}

/// Runs what blocks where it holds nobody up.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TransferError> + Send + 'static,
) -> Result<T, TransferError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(TransferError::File {
            doing: "work on",
            path: PathBuf::new(),
            source: io::Error::other(error),
        }),
    }
}
