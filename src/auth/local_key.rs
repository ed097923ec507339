//! The key that local tokens are signed with, sealed in the data folder.

use std::sync::Arc;

use shared::ports::{Clock, Random, SystemRandom};
use shared::sealed::SealError;
use wiring::LocalIdentity;

use crate::exit::CommandError;
use crate::settings::Settings;

/// The name of the key among the secrets. Whoever can open it can become anybody.
const KEY_NAME: &str = "local-signing-key";

/// Opens this machine's own issuer with the key of the data folder, which is made when there is none.
///
/// # Errors
///
/// When the key cannot be read or kept, or is not one.
pub(crate) fn local_identity(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<LocalIdentity, CommandError> {
    let path = settings.data_dir.join("secrets");
    let failed = |what: &str| format!("{what} the key of local tokens in `{}`", path.display());
    let make = || SystemRandom.secret().map_err(|_| SealError::Unsealable);
    let key = settings
        .sealed_folder(&path)
        .read_or_make(KEY_NAME, clock.now(), make)
        .map_err(|error| CommandError::failed(failed("keep"), error))?;
    LocalIdentity::open(&key, clock, random)
        .map_err(|error| CommandError::failed(failed("use"), error))
}
