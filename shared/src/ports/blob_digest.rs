//! What bytes are told from others by.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::{PortError, PortErrorKind};
use crate::ids::InvalidId;

/// The SHA-256 of some bytes. As text it is 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Digests `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 hex digits.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] when `raw` is anything else.
    pub fn parse(raw: &str) -> Result<Self, InvalidId> {
        let digits = raw.as_bytes().chunks(2).map(|pair| {
            let pair = str::from_utf8(pair).ok().filter(|it| it.len() == 2)?;
            let is_hex = pair.bytes().all(|b| b.is_ascii_hexdigit());
            is_hex.then(|| u8::from_str_radix(pair, 16).ok())?
        });
        let bytes: Option<Vec<u8>> = digits.collect();
        let bytes = bytes.and_then(|it| it.try_into().ok());
        bytes.map(Self).ok_or_else(|| InvalidId::new(raw.to_owned(), "a SHA-256: 64 hex digits"))
    }

    /// Returns the 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sha256Digest {
    type Err = InvalidId;

    fn from_str(raw: &str) -> Result<Self, InvalidId> {
        Self::parse(raw)
    }
}

impl TryFrom<String> for Sha256Digest {
    type Error = InvalidId;

    fn try_from(raw: String) -> Result<Self, InvalidId> {
        Self::parse(&raw)
    }
}

impl From<Sha256Digest> for String {
    fn from(digest: Sha256Digest) -> Self {
        digest.to_string()
    }
}

/// The SHA-256 of bytes that come piece by piece.
#[derive(Clone, Debug, Default)]
pub struct RunningSha256(Sha256);

impl RunningSha256 {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all of them.
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}

/// Passes `bytes` on, and ends them with `Rejected` when they are not those of `wanted`.
pub fn checked_bytes<S>(
    bytes: S,
    wanted: Sha256Digest,
    platform: &'static str,
    subject: String,
) -> impl Stream<Item = Result<Bytes, PortError>> + Send
where
    S: Stream<Item = Result<Bytes, PortError>> + Send + Unpin,
{
    let begin = Some((bytes, RunningSha256::default(), subject));
    stream::unfold(begin, move |state| async move {
        let (mut bytes, mut sum, subject) = state?;
        match bytes.next().await {
            Some(Ok(some)) => {
                sum.update(&some);
                Some((Ok(some), Some((bytes, sum, subject))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if sum.finish() == wanted => None,
            None => {
                let fault = PortError::new(PortErrorKind::Rejected, platform, "read", subject);
                let fault = fault.with_source("the bytes are not those that were stored");
                Some((Err(fault), None))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_as_it_is_written() {
        let digest = Sha256Digest::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), text);
        assert_eq!(Sha256Digest::parse(text).unwrap(), digest);
        for raw in ["", "ba", &text[1..], &text.replace('b', "+"), &text.replace('a', "ä")] {
            assert!(Sha256Digest::parse(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn pieces_have_the_digest_of_the_whole() {
        let mut sum = RunningSha256::default();
        sum.update(b"a");
        sum.update(b"bc");
        assert_eq!(sum.finish(), Sha256Digest::of(b"abc"));
    }
}
