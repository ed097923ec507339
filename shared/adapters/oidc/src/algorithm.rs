//! The signature algorithms that may be set.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Deserialize;

/// How a token is signed. Only algorithms with a private and a public key: a shared secret has no
/// place between an issuer and us. Source: RFC 7518, section 3.1, and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5 padding, SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA, PKCS #1 v1.5 padding, SHA-384.
    #[serde(rename = "RS384")]
    Rs384,
    /// RSA, PKCS #1 v1.5 padding, SHA-512.
    #[serde(rename = "RS512")]
    Rs512,
    /// RSA, PSS padding, SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// RSA, PSS padding, SHA-384.
    #[serde(rename = "PS384")]
    Ps384,
    /// RSA, PSS padding, SHA-512.
    #[serde(rename = "PS512")]
    Ps512,
    /// ECDSA on P-256, SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA on P-384, SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// Every algorithm that may be set.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The algorithms that are taken unless the settings say otherwise.
    pub const DEFAULT: [Self; 4] = [Self::Rs256, Self::Es256, Self::Ps256, Self::EdDsa];

    /// Returns the name used in tokens and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no algorithm that may be set.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{raw}` is no algorithm with a public key: write `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, \
     `PS512`, `ES256`, `ES384` or `EdDSA`"
)]
pub struct InvalidAlgorithm {
    raw: String,
}

impl FromStr for Algorithm {
    type Err = InvalidAlgorithm;

    fn from_str(raw: &str) -> Result<Self, InvalidAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|it| it.as_str() == raw)
            .ok_or_else(|| InvalidAlgorithm { raw: raw.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_algorithms_with_a_public_key_may_be_set() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.as_str().parse::<Algorithm>().unwrap(), algorithm);
        }
        for raw in ["none", "HS256", "HS512", "rs256", "RSA-OAEP", ""] {
            let message = raw.parse::<Algorithm>().unwrap_err().to_string();
            assert!(message.contains(&format!("`{raw}`")), "{message}");
        }
    }
}
