//! Why a token proves nothing.

use crate::algorithm::Algorithm;

/// What is wrong with a token, in words that are safe to show: never a part of the token that was
/// not checked against a list of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenFault {
    #[error("it is longer than {max_bytes} bytes")]
    TooLong { max_bytes: usize },
    #[error("it is not a signed token of three parts")]
    NotThreeParts,
    #[error("it is encrypted, and only signed tokens are taken")]
    Encrypted,
    #[error("its {part} is not base64url")]
    NotBase64 { part: &'static str },
    #[error("its {part} is not the JSON of a token")]
    NotJson { part: &'static str },
    #[error("it is not signed (`alg` is `none`)")]
    NotSigned,
    #[error("it is signed with a shared secret, and only public keys are taken")]
    SharedSecret,
    #[error("its algorithm is unknown")]
    UnknownAlgorithm,
    #[error("its algorithm {0} is not among those set")]
    AlgorithmNotSet(Algorithm),
    #[error("its header has a critical extension (`crit`), and none is known")]
    CriticalExtension,
    #[error("its kind (`typ`) is not that of an access token")]
    WrongKind,
    #[error("it names no key (`kid`), and its issuer has several")]
    AmbiguousKey,
    #[error("it is signed with a key that its issuer does not publish")]
    UnknownKey,
    #[error("its key is not one for its algorithm")]
    KeyMismatch,
    #[error("two keys of its issuer have the same id")]
    DuplicateKey,
    #[error("its signature is wrong")]
    WrongSignature,
    #[error("it does not say `{0}`")]
    MissingClaim(&'static str),
    #[error("its `{0}` is malformed")]
    MalformedClaim(&'static str),
    #[error("it is of another issuer")]
    WrongIssuer,
    #[error("it is meant for another audience")]
    WrongAudience,
    #[error("it has expired")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("it was issued in the future")]
    IssuedInFuture,
    #[error("it is an identity or refresh token, and only access tokens are taken")]
    NotAnAccessToken,
    #[error("it is bound to a key of its sender (`cnf`), and bearer tokens only are taken")]
    SenderConstrained,
    #[error("its `{0}` is not usable as the id of a person")]
    UnusablePerson(String),
    #[error("its e-mail address was not verified by its issuer")]
    UnverifiedEmail,
}
