//! Why a sealed secret cannot be read or written.

use std::io;
use std::path::PathBuf;

use crate::error::{PortError, PortErrorKind};

/// Why a sealed secret cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Nothing is there.
    #[error("there is no secret `{name}`: write it with `moodbridge secret set {name}`")]
    Missing {
        /// The secret.
        name: String,
    },
    /// The name cannot be the name of a file here.
    #[error(
        "`{name}` cannot name a secret: write 1 to 100 letters, digits, dashes, dots and \
         underscores, starting with a letter or digit"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// The file holds plain text.
    #[error(
        "`{}` is not sealed: seal it with `moodbridge secret set`, or write `mounted:` in place of \
         `file:` when it is a plain file on purpose", path.display()
    )]
    NotSealed {
        /// The file.
        path: PathBuf,
    },
    /// The file was sealed by a version to come.
    #[error("`{}` is sealed in a newer format: run the version of moodbridge that wrote it", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The file lacks a part.
    #[error("`{}` is cut short or garbled: write the secret again", path.display())]
    Garbled {
        /// The file.
        path: PathBuf,
    },
    /// The file stands under another name than it was sealed for.
    #[error("`{}` was sealed as `{sealed_as}`: give it back its name", path.display())]
    Renamed {
        /// The file.
        path: PathBuf,
        /// The name it was sealed for.
        sealed_as: String,
    },
    /// The content does not match its seal.
    #[error("`{}` was altered after it was sealed: write the secret again", path.display())]
    Altered {
        /// The file.
        path: PathBuf,
    },
    /// The key it was sealed with is not among those at hand.
    #[error(
        "`{}` is sealed with key `{key_id}`, which {place} does not hold: bring back that key, or \
         write the secret again", path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key it was sealed with.
        key_id: String,
        /// Where keys were looked for.
        place: String,
    },
    /// There is no key.
    #[error("no key is in {place}: bring it back, or begin anew with `moodbridge secret set`")]
    NoKey {
        /// Where keys were looked for.
        place: String,
    },
    /// The key is not one.
    #[error("what is in {place} is not a key: it begins with `moodbridge-keys 1`")]
    BadKey {
        /// Where keys were looked for.
        place: String,
    },
    /// Others than the owner may read the key file.
    #[error(
        "the key file `{}` may be read by others (mode {mode:o}): run `chmod 600` on it", path.display()
    )]
    ExposedKey {
        /// The key file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The key cannot be changed from here.
    #[error(
        "{place} cannot be written from here: put a new key before the old one yourself, then run `moodbridge secret rotate` to seal with it"
    )]
    FixedKey {
        /// Where keys are.
        place: String,
    },
    /// The system gives no random numbers, or refuses a key.
    #[error("nothing can be sealed on this system")]
    Unsealable,
    /// The file system refused.
    #[error("`{}` cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl SealError {
    /// Reports that `path` cannot be used because of `source`.
    pub(super) fn io(path: &std::path::Path, source: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }

    /// Returns this as the failure of a port, about `subject`.
    pub fn into_port(self, operation: &'static str, subject: &str) -> PortError {
        let kind = match &self {
            Self::Missing { .. } | Self::NoKey { .. } => PortErrorKind::NotFound,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                PortErrorKind::NotFound
            }
            Self::Io { .. } | Self::ExposedKey { .. } | Self::OtherKey { .. } => {
                PortErrorKind::Denied
            }
            _ => PortErrorKind::Rejected,
        };
        PortError::new(kind, "local", operation, subject).with_source(self)
    }
}
