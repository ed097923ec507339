//! What is expected of tokens and of their issuer.

use std::time::Duration;

use shared::auth::RoleMapping;

use crate::algorithm::Algorithm;

/// What a token's claims must say, and how they are read.
#[derive(Clone, Debug)]
pub struct ClaimRules {
    /// The issuer, exactly as its tokens write it (`iss`).
    pub issuer: String,
    /// The token must be meant for one of these (`aud`).
    pub audiences: Vec<String>,
    /// The claim that says who it is; `sub` by default.
    pub person_claim: String,
    /// Which roles the claims give.
    pub roles: RoleMapping,
    /// How far the issuer's clock may be from ours.
    pub leeway: Duration,
}

impl ClaimRules {
    /// The claim that says who it is, unless set otherwise.
    pub const DEFAULT_PERSON_CLAIM: &'static str = "sub";

    /// The clocks of two machines may differ by this much, unless set otherwise.
    pub const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

    /// Expects tokens of `issuer` for one of `audiences`, with roles in the claim `roles`.
    pub fn new(issuer: impl Into<String>, audiences: Vec<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences,
            person_claim: Self::DEFAULT_PERSON_CLAIM.to_owned(),
            roles: RoleMapping::default(),
            leeway: Self::DEFAULT_LEEWAY,
        }
    }
}

/// Settings of an [`OidcAuthenticator`](crate::OidcAuthenticator).
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// What tokens must say.
    pub claims: ClaimRules,
    /// The algorithms that are taken.
    pub algorithms: Vec<Algorithm>,
    /// The longest token looked at.
    pub max_token_bytes: usize,
    /// How long the issuer's keys are used before they are read again.
    pub key_lifetime: Duration,
    /// The shortest time between two readings of the issuer's keys, whatever tokens say.
    pub refetch_floor: Duration,
    /// How long keys are used beyond their lifetime while the issuer cannot be reached.
    pub key_grace: Duration,
    /// How long a proved token is remembered, at most until it expires.
    pub proof_lifetime: Duration,
    /// How many proved tokens are remembered at most.
    pub n_proofs: usize,
}

impl OidcSettings {
    /// Takes tokens that satisfy `claims`, with everything else as most issuers want it.
    pub fn new(claims: ClaimRules) -> Self {
        Self {
            claims,
            algorithms: Algorithm::DEFAULT.to_vec(),
            max_token_bytes: 16 * 1024,
            key_lifetime: Duration::from_secs(10 * 60),
            refetch_floor: Duration::from_secs(30),
            key_grace: Duration::from_secs(24 * 3600),
            proof_lifetime: Duration::from_secs(5 * 60),
            n_proofs: 10_000,
        }
    }
}
