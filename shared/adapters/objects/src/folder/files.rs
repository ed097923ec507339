//! The files of a folder, and what their errors mean.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use shared::error::{PortError, PortErrorKind};
use shared::ports::{BlobKey, BlobVersion};
use shared::time::Timestamp;

/// What errors call this platform.
pub(super) const PLATFORM: &str = "folder";
/// The folder of what is no blob.
pub(super) const HIDDEN: &str = ".moodbridge";

/// Where everything lies.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) root: PathBuf,
    /// What is being written.
    pub(super) staged: PathBuf,
    /// Uploads, a folder each.
    pub(super) uploads: PathBuf,
    /// What files cannot hold, by version.
    pub(super) about: PathBuf,
    /// Locks, each of many keys.
    pub(super) locks: PathBuf,
}

impl Places {
    pub(super) fn of(root: &Path) -> Self {
        let hidden = root.join(HIDDEN);
        Self {
            root: root.to_owned(),
            staged: hidden.join("staged"),
            uploads: hidden.join("uploads"),
            about: hidden.join("about"),
            locks: hidden.join("locks"),
        }
    }

    pub(super) fn make(&self) -> io::Result<()> {
        [&self.staged, &self.uploads, &self.about, &self.locks]
            .into_iter()
            .try_for_each(|it| folders().recursive(true).create(it))
    }

    /// Where the blob lies.
    pub(super) fn blob(
        &self,
        operation: &'static str,
        key: &BlobKey,
    ) -> Result<PathBuf, PortError> {
        let is_hidden = key.as_str().split('/').next() == Some(HIDDEN);
        if is_hidden || (cfg!(windows) && key.as_str().contains(['\\', ':'])) {
            let fault = PortError::new(PortErrorKind::Rejected, PLATFORM, operation, key.as_str());
            return Err(fault.with_source("a folder cannot hold a blob of this name"));
        }
        Ok(self.root.join(key.as_str()))
    }
}

/// The error of `operation` on `subject`.
pub(super) fn failed(operation: &'static str, subject: &str, error: io::Error) -> PortError {
    let kind = match error.kind() {
        ErrorKind::NotFound => PortErrorKind::NotFound,
        ErrorKind::AlreadyExists => PortErrorKind::Conflict,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => PortErrorKind::Denied,
        ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::DirectoryNotEmpty
        | ErrorKind::InvalidFilename
        | ErrorKind::InvalidInput => PortErrorKind::Rejected,
        _ => PortErrorKind::Unavailable,
    };
    PortError::new(kind, PLATFORM, operation, subject).with_source(error)
}

/// What a file tells by itself.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) n_bytes: u64,
    pub(super) version: BlobVersion,
    pub(super) stored_at: Timestamp,
}

impl Stat {
    /// Reads it; `NotFound` when it is no file.
    ///
    /// The version is made of inode, time of change and length, all of which a rename keeps.
    pub(super) fn of(metadata: &fs::Metadata) -> io::Result<Self> {
        if !metadata.is_file() {
            return Err(ErrorKind::NotFound.into());
        }
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(changed.as_millis()).unwrap_or(i64::MAX);
        let version =
            format!("{:x}-{:x}-{:x}", inode(metadata), changed.as_nanos(), metadata.len());
        Ok(Self {
            n_bytes: metadata.len(),
            version: BlobVersion::parse(version).map_err(io::Error::other)?,
            stored_at: Timestamp::from_millis(millis).to_second(),
        })
    }

    /// Reads it of the file at `path`. Where a file stands in for a folder there is nothing.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) => Self::of(&metadata),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                Err(ErrorKind::NotFound.into())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}

/// Makes what happened in `folder` outlast a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Writes a file and waits until it is on the disk.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use io::Write as _;
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a new file that its owner alone may read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Makes folders that their owner alone may enter.
pub(super) fn folders() -> fs::DirBuilder {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only there a folder has a mode"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}
