//! Tokens that our key signs. Source: Snowflake, "Authenticating to the server", key pair; RFC 7519.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};
use shared::secret::Secret;
use shared::time::Timestamp;

/// How long a token holds. Snowflake takes an hour at most.
pub(crate) const LIFETIME: Duration = Duration::from_secs(3300);

/// A private key that signs nothing.
#[derive(Debug, thiserror::Error)]
pub enum UnusableKey {
    /// The text is no PEM of a key.
    #[error(
        "the private key is not PEM: write it from `-----BEGIN PRIVATE KEY-----` on, without a pass phrase"
    )]
    NotPem,
    /// The key has a pass phrase.
    #[error(
        "the private key has a pass phrase: decrypt it with `openssl pkcs8 -in KEY -out PLAIN`"
    )]
    Encrypted,
    /// The key is not one of RSA, or too short.
    #[error("the private key is no RSA key of 2,048 bits or more")]
    NotRsa,
    /// The signature could not be made.
    #[error("the token could not be signed")]
    NotSigned,
}

/// A key whose public half Snowflake knows.
pub struct KeyPair {
    key: rsa::KeyPair,
    fingerprint: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
}

impl KeyPair {
    /// Reads an RSA private key in PEM, PKCS #8 or PKCS #1, without a pass phrase.
    ///
    /// # Errors
    ///
    /// [`UnusableKey`] when it is not such a key.
    pub fn from_pem(pem: &Secret) -> Result<Self, UnusableKey> {
        let text = pem.expose().trim();
        if text.contains("ENCRYPTED") {
            return Err(UnusableKey::Encrypted);
        }
        let is_pkcs1 = text.starts_with("-----BEGIN RSA PRIVATE KEY-----");
        if !is_pkcs1 && !text.starts_with("-----BEGIN PRIVATE KEY-----") {
            return Err(UnusableKey::NotPem);
        }
        let inside = text.lines().filter(|it| !it.starts_with("-----")).map(str::trim);
        let der = Secret::new(inside.collect::<String>());
        let der = STANDARD.decode(der.expose()).map_err(|_| UnusableKey::NotPem)?;
        let key = match is_pkcs1 {
            true => rsa::KeyPair::from_der(&der),
            false => rsa::KeyPair::from_pkcs8(&der),
        };
        let key = key.map_err(|_| UnusableKey::NotRsa)?;
        let public: PublicKeyX509Der<'_> =
            key.public_key().as_der().map_err(|_| UnusableKey::NotRsa)?;
        let fingerprint = format!("SHA256:{}", STANDARD.encode(Sha256::digest(public.as_ref())));
        Ok(Self { key, fingerprint })
    }

    /// Returns the fingerprint that `DESCRIBE USER` shows as `RSA_PUBLIC_KEY_FP`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Signs a token of `user` in `account`, both as Snowflake stores them, that holds from `now`.
    pub(crate) fn token(
        &self,
        account: &str,
        user: &str,
        now: Timestamp,
    ) -> Result<Secret, UnusableKey> {
        let subject = format!("{}.{}", account_of_token(account), user.to_ascii_uppercase());
        let issuer = format!("{subject}.{}", self.fingerprint);
        let iat = now.as_millis().div_euclid(1000);
        let exp = now.plus(LIFETIME).as_millis().div_euclid(1000);
        let claims = Claims { iss: &issuer, sub: &subject, iat, exp };
        let claims = serde_json::to_vec(&claims).map_err(|_| UnusableKey::NotSigned)?;
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let signed = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| UnusableKey::NotSigned)?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Returns the account as a token names it: in upper case, without region and cloud.
fn account_of_token(account: &str) -> String {
    let mark = if account.contains(".global") { '-' } else { '.' };
    account.split(mark).next().unwrap_or_default().to_ascii_uppercase()
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_lc_rs::encoding::Pkcs8V1Der;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    /// Makes a private key in PEM.
    pub(crate) fn new_pem() -> String {
        let key = rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        let body = STANDARD.encode(der.as_ref());
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|it| std::str::from_utf8(it).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
    }

    #[test]
    fn token_names_account_user_and_key_and_its_signature_holds() {
        let key = KeyPair::from_pem(&Secret::new(new_pem())).unwrap();
        let now = Timestamp::parse("2026-11-30T12:00:00Z").unwrap();

        let token = key.token("myorg-firm.eu-central-1", "loader", now).unwrap();

        let parts: Vec<_> = token.expose().split('.').collect();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
        assert_eq!(claims["sub"], "MYORG-FIRM.LOADER");
        assert_eq!(claims["iss"], format!("MYORG-FIRM.LOADER.{}", key.fingerprint()));
        assert_eq!(claims["iat"], 1_796_040_000);
        assert_eq!(claims["exp"], 1_796_040_000 + 3300);
        let public: PublicKeyX509Der<'_> = key.key.public_key().as_der().unwrap();
        let signed = format!("{}.{}", parts[0], parts[1]);
        let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref())
            .verify(signed.as_bytes(), &signature)
            .unwrap();
    }

    #[test]
    fn account_is_cut_as_the_connector_does() {
        let rows = [
            ("myorg-firm", "MYORG-FIRM"),
            ("xy12345.eu-central-1.aws", "XY12345"),
            ("firm-abc123.global", "FIRM"),
        ];
        for (account, expected) in rows {
            assert_eq!(account_of_token(account), expected);
        }
    }

    #[test]
    fn key_that_cannot_sign_says_why_and_shows_nothing() {
        let refusal = |pem: &str| KeyPair::from_pem(&Secret::new(pem)).unwrap_err();
        assert!(matches!(refusal("hunter2"), UnusableKey::NotPem));
        let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END";
        assert!(matches!(refusal(encrypted), UnusableKey::Encrypted));
        let short = "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----";
        assert!(matches!(refusal(short), UnusableKey::NotRsa));
        let key = KeyPair::from_pem(&Secret::new(new_pem())).unwrap();
        assert!(format!("{key:?}").starts_with("KeyPair { fingerprint: \"SHA256:"));
    }
}
