//! An issuer on loopback whose keys the tests hold, and a clock they move.
#![expect(clippy::needless_pass_by_value, reason = "so that `json!` can be written in place")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use adapter_http::{HttpClient, HttpSettings};
use adapter_oidc::{Algorithm, ClaimRules, OidcAuthenticator, OidcSettings};
use aws_lc_rs::rand::SystemRandom as Rng;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::auth::Principal;
use shared::ports::{Authenticator as _, Clock, SignInError, SystemRandom};
use shared::time::Timestamp;
use shared::worker::breaker::BreakerSettings;
use tokio::net::TcpListener;

pub(crate) const AUDIENCE: &str = "https://api.firm.test";
pub(crate) const NOW_SECONDS: i64 = 1_800_000_000;

pub(crate) struct HandClock(Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn pass(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus(by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// What the issuer publishes, and how often it was asked.
pub(crate) struct Published {
    pub(crate) keys: Mutex<Vec<Value>>,
    pub(crate) issuer: Mutex<Option<String>>,
    pub(crate) is_down: Mutex<bool>,
    pub(crate) n_readings: AtomicUsize,
    address: SocketAddr,
}

async fn discovery(State(published): State<Arc<Published>>) -> Result<Json<Value>, StatusCode> {
    if *published.is_down.lock().unwrap() {
        return Err(StatusCode::NOT_IMPLEMENTED);
    }
    let base = format!("http://{}", published.address);
    let issuer = published.issuer.lock().unwrap().clone().unwrap_or_else(|| base.clone());
    Ok(Json(json!({"issuer": issuer, "jwks_uri": format!("{base}/keys")})))
}

async fn keys(State(published): State<Arc<Published>>) -> Json<Value> {
    published.n_readings.fetch_add(1, Ordering::SeqCst);
    Json(json!({"keys": *published.keys.lock().unwrap()}))
}

pub(crate) struct Keys {
    pub(crate) rsa: RsaKeyPair,
    pub(crate) other_rsa: RsaKeyPair,
    pub(crate) ec: EcdsaKeyPair,
    pub(crate) ed: Ed25519KeyPair,
}

/// Making RSA keys takes a while, so one process makes them once.
static KEYS: LazyLock<Keys> = LazyLock::new(Keys::make);

impl Keys {
    fn make() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            other_rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap(),
            ed: Ed25519KeyPair::generate().unwrap(),
        }
    }
}

pub(crate) fn rsa_jwk(key: &RsaKeyPair, kid: &str) -> Value {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let public = key.public_key();
    let n = public.modulus().big_endian_without_leading_zero();
    let e = public.exponent().big_endian_without_leading_zero();
    json!({"kty": "RSA", "use": "sig", "kid": kid, "n": part(n), "e": part(e)})
}

pub(crate) fn ec_jwk(key: &EcdsaKeyPair, kid: &str) -> Value {
    let point = key.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "x": x, "y": y})
}

pub(crate) fn ed_jwk(key: &Ed25519KeyPair, kid: &str) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.public_key().as_ref());
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x})
}

/// An issuer with one key of each kind, and an authenticator that trusts it.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) keys: &'static Keys,
    pub(crate) published: Arc<Published>,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) authenticator: Arc<OidcAuthenticator>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut OidcSettings)) -> Self {
        let keys = &*KEYS;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let published = Arc::new(Published {
            keys: Mutex::new(vec![
                rsa_jwk(&keys.rsa, "rsa"),
                ec_jwk(&keys.ec, "ec"),
                ed_jwk(&keys.ed, "ed"),
            ]),
            issuer: Mutex::default(),
            is_down: Mutex::default(),
            n_readings: AtomicUsize::default(),
            address,
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(self::keys))
            .with_state(published.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

        let url = format!("http://{address}");
        let clock = Arc::new(HandClock(Mutex::new(Timestamp::from_millis(NOW_SECONDS * 1000))));
        let mut settings = OidcSettings::new(ClaimRules::new(&*url, vec![AUDIENCE.to_owned()]));
        change(&mut settings);
        let authenticator = Arc::new(OidcAuthenticator::new(settings, http(), clock.clone()));
        Self { url, keys, published, clock, authenticator }
    }

    /// Returns how often the keys were read.
    pub(crate) fn n_readings(&self) -> usize {
        self.published.n_readings.load(Ordering::SeqCst)
    }

    /// Returns the claims of a good token.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "lena",
            "name": "Lena Lawyer",
            "roles": ["lawyer"],
            "iat": NOW_SECONDS - 10,
            "nbf": NOW_SECONDS - 10,
            "exp": NOW_SECONDS + 300,
        })
    }

    /// Returns the claims of a good token, with `changes`; `null` takes one away.
    pub(crate) fn claims_with(&self, changes: Value) -> Value {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims
    }

    /// Signs `claims` with the key of that algorithm.
    pub(crate) fn sign(&self, header: Value, claims: &Value) -> String {
        let signed = signing_input(&header, claims);
        let signature = match header["alg"].as_str().unwrap() {
            "RS256" => rsa_sign(&self.keys.rsa, &signed),
            "PS256" => {
                let mut signature = vec![0; self.keys.rsa.public_modulus_len()];
                let rng = Rng::new();
                self.keys
                    .rsa
                    .sign(&RSA_PSS_SHA256, &rng, signed.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            "ES256" => self.keys.ec.sign(&Rng::new(), signed.as_bytes()).unwrap().as_ref().to_vec(),
            "EdDSA" => self.keys.ed.sign(signed.as_bytes()).as_ref().to_vec(),
            other => panic!("no key for {other}"),
        };
        with_signature(&signed, &signature)
    }

    /// Returns a good token of the RSA key.
    pub(crate) fn good(&self) -> String {
        self.sign(rs256(), &self.claims())
    }

    pub(crate) async fn authenticate(&self, token: &str) -> Result<Principal, SignInError> {
        self.authenticator.authenticate(token).await
    }
}

pub(crate) fn rs256() -> Value {
    json!({"alg": "RS256", "typ": "at+jwt", "kid": "rsa"})
}

pub(crate) fn rsa_sign(key: &RsaKeyPair, signed: &str) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &Rng::new(), signed.as_bytes(), &mut signature).unwrap();
    signature
}

pub(crate) fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |it: &Value| URL_SAFE_NO_PAD.encode(it.to_string());
    format!("{}.{}", part(header), part(claims))
}

pub(crate) fn with_signature(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

pub(crate) fn http() -> HttpClient {
    let settings = HttpSettings {
        max_attempts: 1,
        breaker: BreakerSettings { n_failures: 1000, open_for: Duration::from_secs(1) },
        ..HttpSettings::default()
    };
    HttpClient::new(settings, Arc::new(shared::ports::SystemClock), Arc::new(SystemRandom)).unwrap()
}

/// The algorithms that the issuer has keys for.
pub(crate) const SIGNED_WITH: [(&str, Algorithm, &str); 4] = [
    ("RS256", Algorithm::Rs256, "rsa"),
    ("PS256", Algorithm::Ps256, "rsa"),
    ("ES256", Algorithm::Es256, "ec"),
    ("EdDSA", Algorithm::EdDsa, "ed"),
];
