//! A folder of sealed secrets.

use std::path::{Path, PathBuf};

use super::envelope::Envelope;
use super::keys::Keys;
use super::{KeyPlace, SealError, atomic};
use crate::config::Env;
use crate::secret::Secret;
use crate::time::Timestamp;

/// A folder of sealed secrets, a file each, and the key they are sealed with.
#[derive(Debug)]
pub struct SealedFolder {
    folder: PathBuf,
    key: KeyPlace,
    env: Env,
}

/// What may be known of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Its name.
    pub name: String,
    /// When it was sealed, in milliseconds since 1970.
    pub sealed_at: Timestamp,
    /// The name of the key that its data key is sealed with.
    pub key_id: String,
}

/// What a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The name of the key that everything is sealed with now.
    pub key_id: String,
    /// How many data keys were sealed anew.
    pub n_rewrapped: usize,
    /// Whether it ended one that had been interrupted.
    pub is_resumed: bool,
}

impl SealedFolder {
    /// Describes the folder at `folder`, whose key is at `key`; nothing is read or made yet.
    pub fn new(folder: impl Into<PathBuf>, key: Option<KeyPlace>, env: Env) -> Self {
        let folder = folder.into();
        let key = key.unwrap_or_else(|| KeyPlace::beside(&folder));
        Self { folder, key, env }
    }

    /// Returns the secret `name`.
    ///
    /// # Errors
    ///
    /// [`SealError`], which names the file and what to do.
    pub fn read(&self, name: &str) -> Result<Secret, SealError> {
        let path = self.path(name)?;
        let attempt = || {
            let envelope = self.envelope(&path, name)?;
            envelope.open(&path, &self.keys()?, &self.key.to_string())
        };
        match attempt() {
            // The key may have been rotated between the two reads.
            Err(SealError::OtherKey { .. }) => attempt(),
            result => result,
        }
    }

    /// Seals `secret` under `name`, in place of what was there; it is durable when this returns.
    ///
    /// # Errors
    ///
    /// [`SealError`]; what was there before is then still there.
    pub fn write(&self, name: &str, secret: &Secret, now: Timestamp) -> Result<(), SealError> {
        let turn = self.turn()?;
        self.write_in_turn(&turn, name, secret, now)
    }

    fn write_in_turn(
        &self,
        _turn: &std::fs::File,
        name: &str,
        secret: &Secret,
        now: Timestamp,
    ) -> Result<(), SealError> {
        let path = self.path(name)?;
        let keys = match self.key.read(&self.env)? {
            Some(keys) => keys,
            None if self.is_empty()? => {
                let keys = Keys::random()?;
                self.key.write(&keys)?;
                keys
            }
            None => return Err(SealError::NoKey { place: self.key.to_string() }),
        };
        let envelope = Envelope::seal(name, secret, now, keys.current()?)?;
        atomic::write(&path, envelope.to_text().as_bytes())
            .map_err(|error| SealError::io(&path, error))
    }

    /// Returns the secret `name`; seals the one that `make` gives when there is none.
    ///
    /// # Errors
    ///
    /// [`SealError`], as of [`read`](SealedFolder::read) and [`write`](SealedFolder::write).
    pub fn read_or_make(
        &self,
        name: &str,
        now: Timestamp,
        make: impl FnOnce() -> Result<Secret, SealError>,
    ) -> Result<Secret, SealError> {
        match self.read(name) {
            Err(SealError::Missing { .. }) => {}
            found => return found,
        }
        let turn = self.turn()?;
        match self.read(name) {
            // Nobody was faster.
            Err(SealError::Missing { .. }) => {
                let secret = make()?;
                self.write_in_turn(&turn, name, &secret, now)?;
                Ok(secret)
            }
            found => found,
        }
    }

    /// Removes the secret `name`.
    ///
    /// # Errors
    ///
    /// [`SealError::Missing`] when it is not there.
    pub fn remove(&self, name: &str) -> Result<(), SealError> {
        let path = self.path(name)?;
        let _turn = self.turn()?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(SealError::Missing { name: name.to_owned() })
            }
            removed => removed
                .and_then(|()| atomic::sync_folder(&self.folder))
                .map_err(|error| SealError::io(&path, error)),
        }
    }

    /// Lists the secrets, by name; nothing is opened.
    ///
    /// # Errors
    ///
    /// [`SealError`] when the folder cannot be read, or a sealed file in it is garbled.
    pub fn list(&self) -> Result<Vec<SealedSecret>, SealError> {
        let mut secrets = Vec::new();
        for (_, envelope) in self.envelopes()? {
            let Envelope { name, sealed_at_ms, key_id, .. } = envelope;
            let sealed_at = Timestamp::from_millis(sealed_at_ms);
            secrets.push(SealedSecret { name, sealed_at, key_id });
        }
        secrets.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(secrets)
    }

    /// Seals every data key with a new key, and forgets the old one; no secret is opened.
    ///
    /// The new key is kept before anything is sealed with it, and the old one until nothing is, so
    /// that a crash at any point leaves every secret readable; the next rotation then ends this one.
    ///
    /// # Errors
    ///
    /// [`SealError`]; every secret can still be read then.
    pub fn rotate(&self) -> Result<Rotation, SealError> {
        let _turn = self.turn()?;
        let place = self.key.to_string();
        let keys = self.keys()?;
        let is_resumed = keys.has_old();
        let keys = if is_resumed {
            keys
        } else {
            let renewed = keys.renewed()?;
            self.key.write(&renewed)?;
            renewed
        };
        let key_id = keys.current()?.id();
        let mut n_rewrapped = 0;
        for (path, envelope) in self.envelopes()? {
            if envelope.key_id != key_id {
                let text = envelope.rewrap(&path, &keys, &place)?.to_text();
                atomic::write(&path, text.as_bytes())
                    .map_err(|error| SealError::io(&path, error))?;
                n_rewrapped += 1;
            }
        }
        match self.key.write(&keys.without_old()) {
            // Whoever keeps the key takes the old one away.
            Err(SealError::FixedKey { .. }) => {}
            written => written?,
        }
        Ok(Rotation { key_id, n_rewrapped, is_resumed })
    }

    fn keys(&self) -> Result<Keys, SealError> {
        let keys = self.key.read(&self.env)?;
        keys.ok_or_else(|| SealError::NoKey { place: self.key.to_string() })
    }

    fn turn(&self) -> Result<std::fs::File, SealError> {
        atomic::make_folder(&self.folder)
            .and_then(|()| atomic::turn(&self.folder))
            .map_err(|error| SealError::io(&self.folder, error))
    }

    fn path(&self, name: &str) -> Result<PathBuf, SealError> {
        let is_name = name.len() <= 100
            && name.starts_with(|it: char| it.is_ascii_alphanumeric())
            && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._".contains(&it));
        if is_name {
            Ok(self.folder.join(name))
        } else {
            Err(SealError::BadName { name: name.to_owned() })
        }
    }

    fn envelope(&self, path: &Path, name: &str) -> Result<Envelope, SealError> {
        let text = match std::fs::read(path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SealError::Missing { name: name.to_owned() });
            }
            Err(error) => return Err(SealError::io(path, error)),
        };
        let envelope = Envelope::parse(path, &text)?;
        if envelope.name == name {
            Ok(envelope)
        } else {
            Err(SealError::Renamed { path: path.to_path_buf(), sealed_as: envelope.name })
        }
    }

    fn is_empty(&self) -> Result<bool, SealError> {
        Ok(self.envelopes()?.is_empty())
    }

    /// Reads every sealed file; plain ones are passed over.
    fn envelopes(&self) -> Result<Vec<(PathBuf, Envelope)>, SealError> {
        let failed = |error| SealError::io(&self.folder, error);
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with('.') || !path.is_file() {
                continue;
            }
            match self.envelope(&path, &name) {
                Ok(envelope) => found.push((path, envelope)),
                Err(SealError::NotSealed { .. } | SealError::Missing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
