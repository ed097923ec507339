//! A secret kept only to be compared with what a caller shows.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 digest of a secret, compared in constant time.
///
/// Digests are of one length, so that a comparison tells nothing of the secret's own length either.
#[derive(Clone)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Digests `secret`.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// Tells whether `shown` is one of the `accepted` secrets; every one is looked at, always.
    pub fn any_matches(accepted: &[Self], shown: &str) -> bool {
        let shown = Self::of(shown);
        accepted
            .iter()
            .fold(Choice::from(0), |found, secret| found | secret.0.ct_eq(&shown.0))
            .into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_several_accepted_secrets_matches() {
        let accepted = [SecretDigest::of("old"), SecretDigest::of("new")];
        assert!(SecretDigest::any_matches(&accepted, "old"));
        assert!(SecretDigest::any_matches(&accepted, "new"));
        assert!(!SecretDigest::any_matches(&accepted, "ne"));
        assert!(!SecretDigest::any_matches(&[], ""));
    }

    #[test]
    fn debug_does_not_show_the_digest() {
        assert_eq!(format!("{:?}", SecretDigest::of("hunter2")), "SecretDigest(hidden)");
    }
}
