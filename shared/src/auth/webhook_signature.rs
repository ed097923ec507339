//! Proof that a webhook comes from whom it says, and was not sent long ago.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::signature_scheme::{SecretForm, SignatureEncoding, SignatureScheme, TimestampUnit};
use crate::secret::Secret;
use crate::time::Timestamp;

/// Of one header no more signatures than these are looked at.
const MAX_SIGNATURES: usize = 16;

/// Why a signature was not taken. For logs and metrics: the caller is told none of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// A header of the scheme is not there.
    #[error("header `{name}` is missing")]
    MissingHeader {
        /// The header.
        name: String,
    },
    /// The time stamp is not a whole number.
    #[error("the time stamp is not a whole number")]
    MalformedTimestamp,
    /// The webhook was signed too long ago.
    #[error("the time stamp is too old")]
    TooOld,
    /// The webhook was signed too far in the future.
    #[error("the time stamp is in the future")]
    TooNew,
    /// No signature was made with an accepted secret.
    #[error("no signature matches")]
    NoMatch,
}

/// A signing secret that is no key. The secret is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("not a signing secret: write Base64 of at least 16 bytes, with or without `whsec_` before")]
pub struct InvalidSigningSecret;

/// One part of what is signed.
#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Id,
    Timestamp,
    Body,
}

/// Checks signatures of one scheme against all secrets in use.
///
/// The key state is computed once, and cloned for each webhook.
pub struct WebhookVerifier {
    scheme: SignatureScheme,
    parts: Vec<Part>,
    keys: Vec<Hmac<Sha256>>,
}

impl WebhookVerifier {
    /// Prepares to check against any of `secrets`: several while one replaces another.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningSecret`] when one of them is no key.
    pub fn new(scheme: SignatureScheme, secrets: &[Secret]) -> Result<Self, InvalidSigningSecret> {
        let keys = secrets
            .iter()
            .map(|secret| signing_key(scheme.secret_form, secret))
            .collect::<Result<_, _>>()?;
        let parts = parse_template(&scheme.signed_content);
        Ok(Self { scheme, parts, keys })
    }

    /// Checks the webhook with `body` and the headers that `header` looks up by lower-case name.
    ///
    /// Returns its id, when the scheme has one. Every signature is compared with every key in
    /// constant time, whether or not an earlier one has matched.
    ///
    /// # Errors
    ///
    /// [`SignatureFault`], which must not reach the caller.
    pub fn verify<'h>(
        &self,
        header: impl Fn(&str) -> Option<&'h str>,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Option<&'h str>, SignatureFault> {
        let find = |name: &String| {
            header(name).ok_or_else(|| SignatureFault::MissingHeader { name: name.clone() })
        };
        let id = self.scheme.id_header.as_ref().map(find).transpose()?;
        let timestamp = self.scheme.timestamp_header.as_ref().map(find).transpose()?;
        let signatures = find(&self.scheme.signature_header)?;
        if let Some(raw) = timestamp {
            self.check_age(raw, now)?;
        }
        let tags: Vec<[u8; 32]> = self
            .keys
            .iter()
            .map(|key| self.tag(key, id.unwrap_or_default(), timestamp.unwrap_or_default(), body))
            .collect();
        let mut found = Choice::from(0);
        for shown in self.candidates(signatures).take(MAX_SIGNATURES) {
            for tag in &tags {
                found |= tag.ct_eq(&shown);
            }
        }
        if bool::from(found) { Ok(id) } else { Err(SignatureFault::NoMatch) }
    }

    /// Signs with the first secret, as the sender would; empty without any secret.
    pub fn sign(&self, id: &str, timestamp: &str, body: &[u8]) -> String {
        let Some(key) = self.keys.first() else { return String::new() };
        let tag = self.tag(key, id, timestamp, body);
        let text = match self.scheme.encoding {
            SignatureEncoding::Base64 => STANDARD.encode(tag),
            SignatureEncoding::Hex => tag.iter().fold(String::new(), |mut text, byte| {
                use std::fmt::Write as _;
                let _ = write!(text, "{byte:02x}");
                text
            }),
        };
        format!("{}{text}", self.scheme.prefix)
    }

    fn tag(&self, key: &Hmac<Sha256>, id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
        let mut mac = key.clone();
        for part in &self.parts {
            match part {
                Part::Literal(text) => mac.update(text.as_bytes()),
                Part::Id => mac.update(id.as_bytes()),
                Part::Timestamp => mac.update(timestamp.as_bytes()),
                Part::Body => mac.update(body),
            }
        }
        mac.finalize().into_bytes().into()
    }

    fn check_age(&self, raw: &str, now: Timestamp) -> Result<(), SignatureFault> {
        let number: i64 = raw.parse().map_err(|_| SignatureFault::MalformedTimestamp)?;
        let millis = match self.scheme.timestamp_unit {
            TimestampUnit::Seconds => number.checked_mul(1000),
            TimestampUnit::Millis => Some(number),
        };
        let signed_at = millis.map(Timestamp::from_millis);
        let signed_at = signed_at.ok_or(SignatureFault::MalformedTimestamp)?;
        if now.since(signed_at) > self.scheme.tolerance {
            Err(SignatureFault::TooOld)
        } else if signed_at.since(now) > self.scheme.tolerance {
            Err(SignatureFault::TooNew)
        } else {
            Ok(())
        }
    }

    /// Returns each signature of the header that is well-formed.
    fn candidates<'a>(&'a self, header: &'a str) -> impl Iterator<Item = [u8; 32]> + 'a {
        // A scheme of one signature has no separator; a line end cannot occur in a header.
        header
            .split(self.scheme.separator.unwrap_or('\n'))
            .filter_map(|one| one.trim().strip_prefix(self.scheme.prefix.as_str()))
            .filter_map(|text| decode(self.scheme.encoding, text))
    }
}

impl fmt::Debug for WebhookVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookVerifier")
            .field("scheme", &self.scheme)
            .field("n_keys", &self.keys.len())
            .finish_non_exhaustive()
    }
}

fn signing_key(form: SecretForm, secret: &Secret) -> Result<Hmac<Sha256>, InvalidSigningSecret> {
    /// Shorter keys can be guessed. Standard Webhooks asks for 24 to 64 bytes of its senders.
    const MIN_KEY_BYTES: usize = 16;
    let text = secret.expose();
    let key = match form {
        SecretForm::Text => text.as_bytes().to_vec(),
        SecretForm::Base64 => STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .map_err(|_| InvalidSigningSecret)?,
    };
    if key.len() < MIN_KEY_BYTES {
        return Err(InvalidSigningSecret);
    }
    Hmac::new_from_slice(&key).map_err(|_| InvalidSigningSecret)
}

fn parse_template(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let named = [("{id}", Part::Id), ("{timestamp}", Part::Timestamp), ("{body}", Part::Body)]
            .into_iter()
            .filter_map(|(name, part)| rest.find(name).map(|at| (at, name, part)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, name, part)) = named else {
            parts.push(Part::Literal(rest.to_owned()));
            break;
        };
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_owned()));
        }
        parts.push(part);
        rest = after.strip_prefix(name).unwrap_or_default();
    }
    parts
}

fn decode(encoding: SignatureEncoding, text: &str) -> Option<[u8; 32]> {
    match encoding {
        SignatureEncoding::Base64 => {
            // 44 characters stand for 32 bytes; the decoder wants room for 33.
            let mut room = [0_u8; 33];
            let n_bytes = STANDARD.decode_slice(text, &mut room).ok()?;
            room.get(..n_bytes)?.try_into().ok()
        }
        SignatureEncoding::Hex => {
            let digits = text.as_bytes();
            let mut bytes = [0_u8; 32];
            if digits.len() != 64 {
                return None;
            }
            for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                let pair = std::str::from_utf8(pair).ok()?;
                *byte = u8::from_str_radix(pair, 16).ok()?;
            }
            Some(bytes)
        }
    }
}

#[cfg(test)]
mod tests;
