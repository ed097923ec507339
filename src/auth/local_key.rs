//! The key that local tokens are signed with, kept in the data folder.

use std::io;
use std::path::Path;
use std::sync::Arc;

use shared::PortErrorKind;
use shared::ports::{Clock, Random, SecretAddress, Secrets, SystemRandom};
use shared::secret::Secret;
use wiring::LocalIdentity;

use crate::exit::CommandError;

/// Where the key lies in the data folder. Whoever can read it can become anybody.
const KEY_FILE: &str = "secrets/local-signing-key";

/// Opens this machine's own issuer with the key of `data_dir`, which is made when there is none.
///
/// # Errors
///
/// When the key cannot be read or kept, or is not one.
pub(crate) async fn local_identity(
    data_dir: &Path,
    secrets: &dyn Secrets,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<LocalIdentity, CommandError> {
    let path = data_dir.join(KEY_FILE);
    let failed = |what: &str| format!("{what} the key of local tokens in `{}`", path.display());
    let address = SecretAddress::parse(format!("file:{}", path.display()))
        .map_err(|error| CommandError::failed(failed("name"), error))?;
    let key = match secrets.read(&address).await {
        Err(error) if error.kind() == PortErrorKind::NotFound => {
            let made = make(&path).map_err(|error| CommandError::failed(failed("keep"), error))?;
            match made {
                Some(key) => key,
                // Another process was faster: its key counts.
                None => secrets
                    .read(&address)
                    .await
                    .map_err(|error| CommandError::failed(failed("read"), error))?,
            }
        }
        found => found.map_err(|error| CommandError::failed(failed("read"), error))?,
    };
    LocalIdentity::open(&key, clock, random)
        .map_err(|error| CommandError::failed(failed("use"), error))
}

/// Makes the key; `None` when there is one already.
fn make(path: &Path) -> io::Result<Option<Secret>> {
    let key = SystemRandom.secret().map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Written beside and linked, so that nobody ever reads half a key.
    let beside = path.with_extension(format!("{:032x}", SystemRandom.bits()));
    write_private(&beside, key.expose())?;
    let linked = std::fs::hard_link(&beside, path);
    std::fs::remove_file(&beside)?;
    match linked {
        Ok(()) => Ok(Some(key)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a new file that only its owner may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}
