//! Keeps a refresh token in a file that only its owner reads.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use shared::ids::ConnectionId;
use shared::ports::{SecretAddress, SecretWriter};
use shared::secret::Secret;
use shared::{PortError, PortErrorKind};

use crate::exit::CommandError;

/// Writes `file:` addresses.
pub(super) struct SecretFiles;

#[async_trait]
impl SecretWriter for SecretFiles {
    async fn write(&self, address: &SecretAddress, secret: &Secret) -> Result<(), PortError> {
        let fail = |kind| PortError::new(kind, "local", "write secret", address.as_str());
        let path = path(address).ok_or_else(|| fail(PortErrorKind::Rejected))?;
        replace(&path, secret.expose().as_bytes())
            .map_err(|error| fail(PortErrorKind::Denied).with_source(error))
    }
}

/// Returns where the refresh token of a connection is kept by default.
pub(super) fn address(data_dir: &Path, name: &ConnectionId) -> Result<SecretAddress, CommandError> {
    let tried = "choose a place for the refresh token (`--refresh-token`)";
    let failed = |error: io::Error| CommandError::failed(tried, error);
    let folder = std::path::absolute(data_dir).map_err(failed)?.join("secrets");
    let path = folder.join(format!("{name}-refresh-token"));
    SecretAddress::parse(format!("file:{}", path.display()))
        .map_err(|error| CommandError::failed(tried, error))
}

/// Removes the file of an address that names one.
pub(super) fn forget(address: &SecretAddress) -> Result<(), CommandError> {
    match path(address).map(fs::remove_file) {
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
            Err(CommandError::failed(format!("remove `{address}`"), error))
        }
        _ => Ok(()),
    }
}

fn path(address: &SecretAddress) -> Option<PathBuf> {
    address.as_str().strip_prefix("file:").map(PathBuf::from)
}

/// Replaces a file at once: after a crash the old or the new content is there, never half.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let mut file = open_for_owner(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(unix)]
fn open_for_owner(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = fs::remove_file(path);
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_for_owner(path: &Path) -> io::Result<File> {
    File::create(path)
}
