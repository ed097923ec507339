//! One sealed secret as text.
//!
//! ```text
//! moodbridge-sealed 1
//! name webhook-token
//! sealed-at 1790000000000
//! key 9f86d081884c7d65
//! data-key BASE64
//! body BASE64
//! ```
//!
//! `body` is the secret, sealed by the data key with the lines above `key` as associated data.
//! `data-key` is the data key, sealed by the key that `key` names with the lines above it as
//! associated data. Each begins with its random nonce and ends with its tag.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::SealError;
use super::keys::{Key, Keys};
use crate::secret::Secret;
use crate::time::Timestamp;

const MAGIC: &str = "moodbridge-sealed ";
const VERSION: &str = "1";

/// One sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) name: String,
    pub(super) sealed_at_ms: i64,
    pub(super) key_id: String,
    data_key: String,
    body: String,
}

impl Envelope {
    /// Seals `secret` under `name`.
    pub(super) fn seal(
        name: &str,
        secret: &Secret,
        at: Timestamp,
        key: &Key,
    ) -> Result<Self, SealError> {
        let data_key = Key::random()?;
        let mut envelope = Self {
            name: name.to_owned(),
            sealed_at_ms: at.as_millis(),
            key_id: key.id(),
            data_key: String::new(),
            body: String::new(),
        };
        envelope.body = seal(&data_key, &envelope.about_body(), secret.expose().as_bytes())?;
        envelope.data_key = seal(key, &envelope.about_data_key(), data_key.bytes())?;
        Ok(envelope)
    }

    /// Opens the secret; `path` is where it lies, for the error.
    pub(super) fn open(&self, path: &Path, keys: &Keys, place: &str) -> Result<Secret, SealError> {
        let altered = || SealError::Altered { path: path.to_path_buf() };
        let data_key = self.open_data_key(path, keys, place)?;
        let body = open(&data_key, &self.about_body(), &self.body).ok_or_else(altered)?;
        std::str::from_utf8(&body).map(Secret::new).map_err(|_| altered())
    }

    /// Returns the same with its data key sealed by the first of `keys`; the body stays as it is.
    pub(super) fn rewrap(&self, path: &Path, keys: &Keys, place: &str) -> Result<Self, SealError> {
        let data_key = self.open_data_key(path, keys, place)?;
        let current = keys.current()?;
        let mut envelope = Self { key_id: current.id(), ..self.clone() };
        envelope.data_key = seal(current, &envelope.about_data_key(), data_key.bytes())?;
        Ok(envelope)
    }

    fn open_data_key(&self, path: &Path, keys: &Keys, place: &str) -> Result<Key, SealError> {
        let key = keys.find(&self.key_id).ok_or_else(|| SealError::OtherKey {
            path: path.to_path_buf(),
            key_id: self.key_id.clone(),
            place: place.to_owned(),
        })?;
        let bytes = open(key, &self.about_data_key(), &self.data_key);
        bytes
            .and_then(|it| Key::of_bytes(&it))
            .ok_or_else(|| SealError::Altered { path: path.to_path_buf() })
    }

    fn about_body(&self) -> String {
        format!("{MAGIC}{VERSION}\nname {}\nsealed-at {}\n", self.name, self.sealed_at_ms)
    }

    fn about_data_key(&self) -> String {
        format!("{}key {}\n", self.about_body(), self.key_id)
    }

    /// Writes it as text.
    pub(super) fn to_text(&self) -> String {
        format!("{}data-key {}\nbody {}\n", self.about_data_key(), self.data_key, self.body)
    }

    /// Reads what [`to_text`](Envelope::to_text) wrote; `path` is where it lies, for the error.
    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self, SealError> {
        let path = || path.to_path_buf();
        let rest = text
            .strip_prefix(MAGIC.as_bytes())
            .ok_or_else(|| SealError::NotSealed { path: path() })?;
        let garbled = || SealError::Garbled { path: path() };
        let rest = std::str::from_utf8(rest).map_err(|_| garbled())?;
        let (version, rest) = rest.split_once('\n').ok_or_else(garbled)?;
        if version != VERSION {
            return Err(SealError::Newer { path: path() });
        }
        let mut lines = rest.strip_suffix('\n').ok_or_else(garbled)?.split('\n');
        let mut value = |name: &str| {
            let line = lines.next()?.strip_prefix(name)?;
            line.strip_prefix(' ').map(str::to_owned)
        };
        let mut read = || {
            Some(Self {
                name: value("name")?,
                sealed_at_ms: value("sealed-at")?.parse().ok()?,
                key_id: value("key")?,
                data_key: value("data-key")?,
                body: value("body")?,
            })
        };
        read().ok_or_else(garbled)
    }
}

fn seal(key: &Key, about: &str, plain: &[u8]) -> Result<String, SealError> {
    let cipher =
        RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).map_err(|_| SealError::Unsealable)?;
    // Room for the tag beforehand, so that growing leaves no copy of the plain text behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(plain.len() + AES_256_GCM.tag_len()));
    bytes.extend_from_slice(plain);
    let nonce = cipher
        .seal_in_place_append_tag(Aad::from(about), &mut *bytes)
        .map_err(|_| SealError::Unsealable)?;
    let mut sealed = nonce.as_ref().to_vec();
    sealed.extend_from_slice(&bytes);
    Ok(STANDARD.encode(sealed))
}

fn open(key: &Key, about: &str, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let sealed = STANDARD.decode(sealed).ok()?;
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let cipher = RandomizedNonceKey::new(&AES_256_GCM, key.bytes()).ok()?;
    let mut bytes = Zeroizing::new(body.to_vec());
    let n_plain = cipher.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?.len();
    bytes.truncate(n_plain);
    Some(bytes)
}
