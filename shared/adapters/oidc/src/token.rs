//! A token, taken apart: nothing of it is believed yet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::fault::TokenFault;

/// The kinds a signed access token may say it is; `typ` may also be absent.
/// Source: RFC 9068, section 2.1, and RFC 7519, section 5.1.
const KINDS: [&str; 2] = ["jwt", "at+jwt"];

/// A token whose form is right and whose algorithm is one of those set.
pub(crate) struct UnprovenToken<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    /// What the signature is over.
    pub(crate) signed: &'a [u8],
    pub(crate) signature: Vec<u8>,
    payload: &'a str,
}

/// The header parameters that decide anything. Keys that a token brings along or points at (`jwk`,
/// `jku`, `x5c`, `x5u`) are not among them: only the issuer says what its keys are.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

impl<'a> UnprovenToken<'a> {
    /// Takes `token` apart.
    pub(crate) fn parse(
        token: &'a str,
        max_bytes: usize,
        algorithms: &[Algorithm],
    ) -> Result<Self, TokenFault> {
        if token.len() > max_bytes {
            return Err(TokenFault::TooLong { max_bytes });
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenFault::NotThreeParts);
        };
        match parts.count() {
            0 => {}
            // RFC 7516, section 3: an encrypted token has five parts.
            2 => return Err(TokenFault::Encrypted),
            _ => return Err(TokenFault::NotThreeParts),
        }
        let parsed: Header = serde_json::from_slice(&decode("header", header)?)
            .map_err(|_| TokenFault::NotJson { part: "header" })?;
        let algorithm = parsed.check(algorithms)?;
        let signed = header.len() + 1 + payload.len();
        Ok(Self {
            algorithm,
            key_id: parsed.kid,
            signed: token.as_bytes().get(..signed).ok_or(TokenFault::NotThreeParts)?,
            signature: decode("signature", signature)?,
            payload,
        })
    }

    /// Reads the claims, which are worth something only once the signature was checked.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, TokenFault> {
        serde_json::from_slice(&decode("body", self.payload)?)
            .map_err(|_| TokenFault::NotJson { part: "body" })
    }
}

impl Header {
    fn check(&self, algorithms: &[Algorithm]) -> Result<Algorithm, TokenFault> {
        if self.crit.is_some() {
            return Err(TokenFault::CriticalExtension);
        }
        let algorithm = match self.alg.as_str() {
            raw if raw.eq_ignore_ascii_case("none") => return Err(TokenFault::NotSigned),
            "HS256" | "HS384" | "HS512" => return Err(TokenFault::SharedSecret),
            raw => raw.parse::<Algorithm>().map_err(|_| TokenFault::UnknownAlgorithm)?,
        };
        if !algorithms.contains(&algorithm) {
            return Err(TokenFault::AlgorithmNotSet(algorithm));
        }
        if let Some(kind) = &self.typ {
            let kind = kind.to_ascii_lowercase();
            let kind = kind.strip_prefix("application/").unwrap_or(&kind);
            if !KINDS.contains(&kind) {
                return Err(TokenFault::WrongKind);
            }
        }
        Ok(algorithm)
    }
}

fn decode(part: &'static str, text: &str) -> Result<Vec<u8>, TokenFault> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenFault::NotBase64 { part })
}
