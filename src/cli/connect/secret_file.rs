//! Where the refresh token of a connection is kept: a sealed file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shared::ids::ConnectionId;
use shared::ports::SecretAddress;

use crate::exit::CommandError;

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
