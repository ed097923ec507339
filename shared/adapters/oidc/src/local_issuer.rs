//! This machine as its own issuer, for development and for a laptop without a directory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared::auth::{Principal, Role};
use shared::ids::PersonId;
use shared::ports::{Authenticator, Clock, Random, SignInError};
use shared::secret::Secret;
use shared::time::Timestamp;

use crate::algorithm::Algorithm;
use crate::authenticator::refuse;
use crate::claims::Proof;
use crate::fault::TokenFault;
use crate::key_set::KeySet;
use crate::settings::ClaimRules;
use crate::token::UnprovenToken;

/// The issuer and the audience of local tokens. Neither is a URL: nobody else can be meant.
const ISSUER: &str = "moodbridge:local";
const AUDIENCE: &str = "moodbridge:local";

/// The longest local token; its claims are few and short.
const MAX_TOKEN_BYTES: usize = 4096;

/// A token that was just issued.
#[derive(Clone, Debug)]
pub struct IssuedToken {
    /// The token, for an `Authorization: Bearer` header.
    pub token: Secret,
    /// When it stops to be taken.
    pub expires_at: Timestamp,
}

/// Issues short-lived tokens with a key of this data folder, and proves them.
pub struct LocalIssuer {
    key: Ed25519KeyPair,
    key_id: String,
    keys: KeySet,
    rules: ClaimRules,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl LocalIssuer {
    /// Local tokens are taken for this long.
    pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

    /// Signs with the key that `secret` holds: 64 hex digits, as
    /// [`SystemRandom::secret`](shared::ports::SystemRandom::secret) makes them.
    ///
    /// # Errors
    ///
    /// [`InvalidSigningKey`] when it does not.
    pub fn new(
        secret: &Secret,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, InvalidSigningKey> {
        let seed = read_hex(secret.expose()).ok_or(InvalidSigningKey)?;
        let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| InvalidSigningKey)?;
        let public = key.public_key().as_ref();
        let key_id = URL_SAFE_NO_PAD.encode(Sha256::digest(public));
        Ok(Self {
            keys: KeySet::of_ed25519(key_id.clone(), public),
            // Both ends are this machine, so there is one clock.
            rules: ClaimRules {
                leeway: Duration::ZERO,
                ..ClaimRules::new(ISSUER, vec![AUDIENCE.to_owned()])
            },
            key,
            key_id,
            clock,
            random,
        })
    }

    /// Issues a token that stands for `person` with `roles`.
    pub fn issue(&self, person: &PersonId, roles: &[Role]) -> IssuedToken {
        // Tokens count in seconds; a token must not begin in the future.
        let issued_at = self.clock.now().to_second();
        let expires_at = issued_at.plus(Self::LIFETIME);
        let header = json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.key_id});
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": person,
            "roles": roles,
            "iat": issued_at.as_millis() / 1000,
            "exp": expires_at.as_millis() / 1000,
            "jti": format!("{:032x}", self.random.bits()),
        });
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        IssuedToken { token: Secret::new(format!("{signed}.{signature}")), expires_at }
    }

    fn prove(&self, token: &str) -> Result<Proof, TokenFault> {
        let token = UnprovenToken::parse(token, MAX_TOKEN_BYTES, &[Algorithm::EdDsa])?;
        self.keys.prove(&token)?;
        self.rules.read(&token.claims()?, self.clock.now())
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Authenticator for LocalIssuer {
    async fn authenticate(&self, token: &str) -> Result<Principal, SignInError> {
        self.prove(token).map(|proof| proof.principal).map_err(refuse)
    }
}

impl fmt::Debug for LocalIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalIssuer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// A secret that is no signing key; its text is not repeated.
#[derive(Debug, thiserror::Error)]
#[error("the signing key of local tokens is not 64 hex digits: remove it, and a new one is made")]
pub struct InvalidSigningKey;

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut seed = [0_u8; 32];
    if text.len() != 64 || !text.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    for (idx, byte) in seed.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(idx * 2..idx * 2 + 2)?, 16).ok()?;
    }
    Some(seed)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use shared::ports::SystemRandom;

    use super::*;

    struct HandClock(Mutex<Timestamp>);

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_700);

    fn issuer_with(secret: &Secret) -> (LocalIssuer, Arc<HandClock>) {
        let clock = Arc::new(HandClock(Mutex::new(START)));
        (LocalIssuer::new(secret, clock.clone(), Arc::new(SystemRandom)).unwrap(), clock)
    }

    fn issuer() -> (LocalIssuer, Arc<HandClock>) {
        issuer_with(&SystemRandom.secret().unwrap())
    }

    fn anna() -> PersonId {
        PersonId::parse("anna").unwrap()
    }

    async fn reason(issuer: &LocalIssuer, token: &str) -> String {
        issuer.authenticate(token).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn an_issued_token_stands_for_its_person_and_roles() {
        let (issuer, _) = issuer();
        let issued = issuer.issue(&anna(), &[Role::Lawyer, Role::Admin]);
        let principal = issuer.authenticate(issued.token.expose()).await.unwrap();
        assert_eq!(principal.person, anna());
        assert_eq!(principal.roles, [Role::Lawyer, Role::Admin].into());
    }

    #[tokio::test]
    async fn a_token_is_taken_for_a_quarter_of_an_hour() {
        let (issuer, clock) = issuer();
        let issued = issuer.issue(&anna(), &[]);
        *clock.0.lock().unwrap() = issued.expires_at.minus(Duration::from_millis(1));
        assert!(issuer.authenticate(issued.token.expose()).await.is_ok());
        *clock.0.lock().unwrap() = issued.expires_at;
        assert!(reason(&issuer, issued.token.expose()).await.contains("expired"));
    }

    #[tokio::test]
    async fn the_same_key_proves_tokens_of_another_process() {
        let secret = SystemRandom.secret().unwrap();
        let issued = issuer_with(&secret).0.issue(&anna(), &[Role::Viewer]);
        assert!(issuer_with(&secret).0.authenticate(issued.token.expose()).await.is_ok());
    }

    #[tokio::test]
    async fn a_token_of_another_folder_proves_nothing() {
        let (ours, _) = issuer();
        let foreign = issuer().0.issue(&anna(), &[Role::Admin]);
        let reason = reason(&ours, foreign.token.expose()).await;
        assert!(reason.contains("a key that its issuer does not publish"), "{reason}");
    }

    #[test]
    fn a_broken_key_is_refused_without_being_repeated() {
        for text in ["", "hunter2", &"zz".repeat(32), &"é".repeat(32)] {
            let random = Arc::new(SystemRandom);
            let clock = Arc::new(HandClock(Mutex::new(START)));
            let error = LocalIssuer::new(&Secret::new(text), clock, random).unwrap_err();
            assert!(text.is_empty() || !error.to_string().contains(text));
        }
    }

    #[test]
    fn debug_shows_neither_key_nor_token() {
        let secret = SystemRandom.secret().unwrap();
        let (issuer, _) = issuer_with(&secret);
        let issued = issuer.issue(&anna(), &[]);
        assert!(!format!("{issuer:?}").contains(secret.expose()));
        assert!(!format!("{issued:?}").contains(issued.token.expose()));
    }
}
