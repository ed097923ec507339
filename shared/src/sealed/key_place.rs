//! Where the keys of a folder are.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::{SealError, atomic};
use crate::config::Env;
use crate::text_setting;

/// Where the key that seals secrets is: `file:PATH` or `env:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyPlace {
    /// A file that its owner alone may read.
    File(PathBuf),
    /// A variable of the environment, for processes that are handed their key.
    Environment(String),
}

text_setting!(KeyPlace, "key-place", ["file:/etc/moodbridge/key", "env:MOODBRIDGE_KEY"]);

/// Text that names no place of a key.
#[derive(Debug, thiserror::Error)]
#[error("not the place of a key: write `file:PATH` or `env:NAME`, never the key itself")]
pub struct InvalidKeyPlace;

impl KeyPlace {
    /// Returns the place that is used when none is set: beside the secrets.
    pub fn beside(folder: &Path) -> Self {
        Self::File(folder.join(".key"))
    }

    /// Reads the keys; `None` when there are none yet.
    pub(super) fn read(&self, env: &Env) -> Result<Option<Keys>, SealError> {
        let bad = || SealError::BadKey { place: self.to_string() };
        match self {
            Self::File(path) => {
                let text = match std::fs::read_to_string(path) {
                    Ok(text) => zeroize::Zeroizing::new(text),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(SealError::io(path, error)),
                };
                check_mode(path)?;
                Keys::parse(&text).map(Some).ok_or_else(bad)
            }
            Self::Environment(name) => match env.get(name) {
                Some(text) => Keys::parse(text).map(Some).ok_or_else(bad),
                None => Ok(None),
            },
        }
    }

    /// Keeps `keys` here.
    pub(super) fn write(&self, keys: &Keys) -> Result<(), SealError> {
        match self {
            Self::File(path) => {
                if let Some(folder) = path.parent() {
                    atomic::make_folder(folder).map_err(|error| SealError::io(folder, error))?;
                }
                atomic::write(path, keys.to_text().as_bytes())
                    .map_err(|error| SealError::io(path, error))
            }
            Self::Environment(_) => Err(SealError::FixedKey { place: self.to_string() }),
        }
    }
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), SealError> {
    use std::os::unix::fs::MetadataExt as _;
    let mode = std::fs::metadata(path).map_err(|error| SealError::io(path, error))?.mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(SealError::ExposedKey { path: path.to_path_buf(), mode })
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), SealError> {
    Ok(())
}

impl TryFrom<String> for KeyPlace {
    type Error = InvalidKeyPlace;

    fn try_from(raw: String) -> Result<Self, InvalidKeyPlace> {
        match raw.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(PathBuf::from(path))),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Environment(name.to_owned())),
            _ => Err(InvalidKeyPlace),
        }
    }
}

impl std::str::FromStr for KeyPlace {
    type Err = InvalidKeyPlace;

    fn from_str(raw: &str) -> Result<Self, InvalidKeyPlace> {
        Self::try_from(raw.to_owned())
    }
}

impl From<KeyPlace> for String {
    fn from(place: KeyPlace) -> Self {
        match place {
            KeyPlace::File(path) => format!("file:{}", path.display()),
            KeyPlace::Environment(name) => format!("env:{name}"),
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the key file `{}`", path.display()),
            Self::Environment(name) => write!(f, "the variable `{name}`"),
        }
    }
}
