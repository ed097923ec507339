//! The keys an issuer publishes, and the one that a token is checked with.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::fault::TokenFault;
use crate::token::UnprovenToken;

/// The most keys read of one issuer; real ones publish two to ten.
const MAX_KEYS: usize = 100;

/// The keys of an issuer that can prove tokens.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The one algorithm the issuer declares it for, when it does.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A JSON Web Key, as far as it matters. Source: RFC 7517, section 4, and RFC 7518, section 6.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a published key set. A key that proves no signature of ours is passed over, as RFC 7517
    /// (section 5) asks.
    pub(crate) fn from_json(keys: Vec<Value>) -> Self {
        let read = |one| serde_json::from_value::<Jwk>(one).ok().and_then(Key::from_jwk);
        Self { keys: keys.into_iter().take(MAX_KEYS).filter_map(read).collect() }
    }

    /// Holds one Ed25519 key of our own.
    pub(crate) fn of_ed25519(id: String, public: &[u8]) -> Self {
        let material = Material::Ed25519(public.to_vec());
        Self { keys: vec![Key { id: Some(id), algorithm: Some(Algorithm::EdDsa), material }] }
    }

    /// Returns how many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Checks the signature of `token` with the one key that it can be meant for.
    pub(crate) fn prove(&self, token: &UnprovenToken<'_>) -> Result<(), TokenFault> {
        self.find(token)?.verify(token)
    }

    fn find(&self, token: &UnprovenToken<'_>) -> Result<&Key, TokenFault> {
        let named = |key: &&Key| token.key_id.is_none() || key.id == token.key_id;
        let mut fitting = self.keys.iter().filter(named).filter(|key| key.fits(token.algorithm));
        match (fitting.next(), fitting.next(), &token.key_id) {
            (Some(key), None, _) => Ok(key),
            (Some(_), Some(_), Some(_)) => Err(TokenFault::DuplicateKey),
            (Some(_), Some(_), None) => Err(TokenFault::AmbiguousKey),
            (None, _, Some(_)) if self.keys.iter().any(|key| named(&key)) => {
                Err(TokenFault::KeyMismatch)
            }
            (None, ..) => Err(TokenFault::UnknownKey),
        }
    }
}

impl Key {
    fn from_jwk(jwk: Jwk) -> Option<Self> {
        let is_for_signatures = jwk.purpose.as_deref().is_none_or(|it| it == "sig")
            && jwk.key_ops.as_deref().is_none_or(|it| it.iter().any(|it| it == "verify"));
        if !is_for_signatures {
            return None;
        }
        // A key for an algorithm that is not known here fits no token.
        let algorithm = match jwk.alg.as_deref() {
            None => None,
            Some(raw) => Some(raw.parse().ok()?),
        };
        let point = |n_bytes| {
            let (x, y) = (decode(jwk.x.as_deref())?, decode(jwk.y.as_deref())?);
            (x.len() == n_bytes && y.len() == n_bytes).then(|| [vec![4], x, y].concat())
        };
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                Material::Rsa { n: decode(jwk.n.as_deref())?, e: decode(jwk.e.as_deref())? }
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => {
                Material::Ed25519(decode(jwk.x.as_deref()).filter(|it| it.len() == 32)?)
            }
            _ => return None,
        };
        Some(Self { id: jwk.kid, algorithm, material })
    }

    /// Tells whether this key is for `algorithm`, by its kind and by what its issuer declares.
    fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        let is_declared = self.algorithm.is_none_or(|it| it == algorithm);
        is_declared
            && match &self.material {
                Material::Rsa { .. } => rsa_parameters(algorithm).is_some(),
                Material::P256(_) => algorithm == A::Es256,
                Material::P384(_) => algorithm == A::Es384,
                Material::Ed25519(_) => algorithm == A::EdDsa,
            }
    }

    fn verify(&self, token: &UnprovenToken<'_>) -> Result<(), TokenFault> {
        let (signed, signature) = (token.signed, token.signature.as_slice());
        let outcome = match &self.material {
            Material::Rsa { n, e } => {
                let parameters = rsa_parameters(token.algorithm).ok_or(TokenFault::KeyMismatch)?;
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            Material::P256(point) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            Material::P384(point) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            Material::Ed25519(public) => {
                UnparsedPublicKey::new(&ED25519, public).verify(signed, signature)
            }
        };
        outcome.map_err(|_| TokenFault::WrongSignature)
    }
}

/// Returns how RSA checks `algorithm`; keys below 2048 bits prove nothing (RFC 7518, section 3.3).
fn rsa_parameters(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::Rs256 => Some(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::Rs384 => Some(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::Rs512 => Some(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::Ps256 => Some(&RSA_PSS_2048_8192_SHA256),
        Algorithm::Ps384 => Some(&RSA_PSS_2048_8192_SHA384),
        Algorithm::Ps512 => Some(&RSA_PSS_2048_8192_SHA512),
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => None,
    }
}

fn decode(part: Option<&str>) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part?).ok()
}
