//! The keys of a folder: the first seals, all of them open.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SealError;
use crate::ports::SystemRandom;

/// What the text of keys begins with: the name of the format, and its version.
const MAGIC: &str = "moodbridge-keys 1";

/// One key: 256 bits, forgotten when dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// Makes a random key.
    pub(super) fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        SystemRandom.fill(&mut *bytes).map_err(|_| SealError::Unsealable)?;
        Ok(Self(bytes))
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Returns the name of the key, which tells nothing about it: the beginning of its SHA-256.
    pub(super) fn id(&self) -> String {
        let digest = Sha256::digest(self.bytes());
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Keys in order: the first seals, all of them open.
#[derive(Clone)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Makes one random key.
    pub(super) fn random() -> Result<Self, SealError> {
        Ok(Self(vec![Key::random()?]))
    }

    /// Reads what [`to_text`](Keys::to_text) wrote.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split_whitespace();
        let magic = format!("{} {}", lines.next()?, lines.next()?);
        if magic != MAGIC {
            return None;
        }
        let keys: Option<Vec<Key>> =
            lines.map(|line| Key::of_bytes(&Zeroizing::new(STANDARD.decode(line).ok()?))).collect();
        keys.filter(|it| !it.is_empty()).map(Self)
    }

    /// Writes the keys as text: the name of the format, then a key a line.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{MAGIC}\n"));
        for key in &self.0 {
            text.push_str(&Zeroizing::new(STANDARD.encode(key.bytes())));
            text.push('\n');
        }
        text
    }

    /// Returns the key that seals.
    pub(super) fn current(&self) -> Result<&Key, SealError> {
        self.0.first().ok_or(SealError::Unsealable)
    }

    /// Returns the key of that name.
    pub(super) fn find(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|it| it.id() == id)
    }

    /// Tells whether old keys are still kept.
    pub(super) fn has_old(&self) -> bool {
        self.0.len() > 1
    }

    /// Returns these keys with a new random one before them.
    pub(super) fn renewed(&self) -> Result<Self, SealError> {
        let mut keys = vec![Key::random()?];
        keys.extend(self.0.iter().cloned());
        Ok(Self(keys))
    }

    /// Returns the key that seals, alone.
    pub(super) fn without_old(&self) -> Self {
        Self(self.0.iter().take(1).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_written() {
        let keys = Keys::random().unwrap().renewed().unwrap();
        let again = Keys::parse(&keys.to_text()).unwrap();
        assert_eq!(again.current().unwrap().id(), keys.current().unwrap().id());
        assert!(again.has_old());
        for wrong in ["", "moodbridge-keys 2\nAAAA", "moodbridge-keys 1", "moodbridge-keys 1 AAAA"]
        {
            assert!(Keys::parse(wrong).is_none(), "{wrong}");
        }
    }
}
