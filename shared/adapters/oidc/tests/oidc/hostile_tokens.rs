//! Tokens that must prove nothing, each with what is said about it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::auth::Role;
use shared::error::chain;
use shared::ids::PersonId;
use shared::ports::SignInError;

use crate::fixture::{
    AUDIENCE, Issuer, NOW_SECONDS, SIGNED_WITH, rs256, rsa_jwk, rsa_sign, signing_input,
    with_signature,
};

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_good_token_stands_for_its_person() {
    let issuer = Issuer::start().await;
    for (algorithm, _, kid) in SIGNED_WITH {
        for typ in [json!("JWT"), json!("at+jwt"), json!("application/at+JWT"), Value::Null] {
            let mut header = json!({"alg": algorithm, "kid": kid});
            if !typ.is_null() {
                header["typ"] = typ;
            }
            let principal =
                issuer.authenticate(&issuer.sign(header, &issuer.claims())).await.unwrap();
            assert_eq!(principal.person, PersonId::parse("lena").unwrap());
            assert_eq!(principal.name.as_deref(), Some("Lena Lawyer"));
            assert_eq!(principal.roles, [Role::Lawyer].into());
        }
    }
    assert_eq!(issuer.n_readings(), 1);
}

#[tokio::test]
async fn claims_may_be_written_in_every_lawful_way() {
    let issuer = Issuer::start().await;
    let lawful = [
        ("several audiences", json!({"aud": ["https://other.test", AUDIENCE]})),
        ("the client as audience", json!({"aud": null, "client_id": AUDIENCE})),
        ("the authorised party", json!({"aud": null, "azp": AUDIENCE})),
        ("fractions of seconds", json!({"exp": NOW_SECONDS as f64 + 0.5})),
        ("within the leeway", json!({"exp": NOW_SECONDS - 59, "nbf": NOW_SECONDS + 60})),
        ("no `nbf`, no `iat`", json!({"nbf": null, "iat": null})),
        ("no roles", json!({"roles": null})),
        ("unknown roles", json!({"roles": ["root", 7, "Domain Admins"]})),
    ];
    for (what, changes) in lawful {
        let token = issuer.sign(rs256(), &issuer.claims_with(changes));
        let outcome = issuer.authenticate(&token).await;
        assert!(outcome.is_ok(), "{what}: {outcome:?}");
    }
}

/// Signs by HMAC with what an attacker knows: the public key in one of its forms.
fn signed_with_public_key(issuer: &Issuer, form: &str) -> String {
    let der: aws_lc_rs::encoding::PublicKeyX509Der =
        aws_lc_rs::signature::KeyPair::public_key(&issuer.keys.rsa).as_der().unwrap();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let key = if form == "pem" { pem.as_bytes() } else { der.as_ref() };
    let header = json!({"alg": "HS256", "kid": "rsa"});
    let signed = signing_input(&header, &issuer.claims());
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    with_signature(&signed, tag.as_ref())
}

fn parts(token: &str) -> (String, String, String) {
    let mut parts = token.split('.').map(str::to_owned);
    (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap())
}

/// Tokens whose form or header is wrong.
fn malformed(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    let good = issuer.good();
    let (header, body, signature) = parts(&good);
    let claims = issuer.claims();
    let header_with = |changes: Value| {
        let mut header = rs256();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        let signed = signing_input(&header, &claims);
        with_signature(&signed, &rsa_sign(&issuer.keys.rsa, &signed))
    };
    let unsigned = |alg: &str| format!("{}.", signing_input(&json!({"alg": alg}), &claims));
    let text = |it: &str| URL_SAFE_NO_PAD.encode(it);
    vec![
        ("nothing", String::new(), "it is not a signed token of three parts"),
        ("a word", "hunter2".to_owned(), "it is not a signed token of three parts"),
        ("dots", "..".to_owned(), "its header is not the JSON of a token"),
        ("a part short", format!("{header}.{body}"), "it is not a signed token of three parts"),
        ("a part too many", format!("{good}.x"), "it is not a signed token of three parts"),
        ("encrypted", format!("{good}.x.y"), "it is encrypted, and only signed tokens are taken"),
        ("truncated", good[..good.len() - 22].to_owned(), "its signature is wrong"),
        ("no signature", format!("{header}.{body}."), "its signature is wrong"),
        ("oversize", format!("{good}{}", "A".repeat(20_000)), "it is longer than 16384 bytes"),
        ("white space", format!("{header}.{body}. {signature}"), "its signature is not base64url"),
        (
            "padded",
            format!("{}.{body}.{signature}", URL_SAFE.encode(rs256().to_string() + " ")),
            "its header is not base64url",
        ),
        (
            "header no JSON",
            format!("{}.{body}.{signature}", text("{")),
            "its header is not the JSON of a token",
        ),
        (
            "header a list",
            format!("{}.{body}.{signature}", text("[]")),
            "its header is not the JSON of a token",
        ),
        (
            "two algorithms",
            format!("{}.{body}.{signature}", text(r#"{"alg":"none","alg":"RS256","kid":"rsa"}"#)),
            "its header is not the JSON of a token",
        ),
        (
            "no algorithm",
            format!("{}.{body}.{signature}", text(r#"{"kid":"rsa"}"#)),
            "its header is not the JSON of a token",
        ),
        ("kid a number", header_with(json!({"kid": 7})), "its header is not the JSON of a token"),
        ("alg none", unsigned("none"), "it is not signed (`alg` is `none`)"),
        ("alg NoNe", unsigned("NoNe"), "it is not signed (`alg` is `none`)"),
        (
            "alg none with a signature",
            header_with(json!({"alg": "none"})),
            "it is not signed (`alg` is `none`)",
        ),
        ("alg unknown", header_with(json!({"alg": "RS257"})), "its algorithm is unknown"),
        ("alg in lower case", header_with(json!({"alg": "rs256"})), "its algorithm is unknown"),
        (
            "alg not set",
            header_with(json!({"alg": "RS512"})),
            "its algorithm RS512 is not among those set",
        ),
        (
            "HS256 with the public key",
            signed_with_public_key(issuer, "pem"),
            "it is signed with a shared secret, and only public keys are taken",
        ),
        (
            "HS256 with its bytes",
            signed_with_public_key(issuer, "der"),
            "it is signed with a shared secret, and only public keys are taken",
        ),
        (
            "critical extension",
            header_with(json!({"crit": ["exp"]})),
            "its header has a critical extension (`crit`), and none is known",
        ),
        (
            "unencoded payload",
            header_with(json!({"crit": ["b64"], "b64": false})),
            "its header has a critical extension (`crit`), and none is known",
        ),
        (
            "logout token",
            header_with(json!({"typ": "logout+jwt"})),
            "its kind (`typ`) is not that of an access token",
        ),
        (
            "proof of possession",
            header_with(json!({"typ": "dpop+jwt"})),
            "its kind (`typ`) is not that of an access token",
        ),
    ]
}

/// Tokens signed with the wrong key, or with one they brought along.
fn forged(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    let claims = issuer.claims();
    let (header, _, signature) = parts(&issuer.good());
    let by_other = |header: Value| {
        let signed = signing_input(&header, &claims);
        with_signature(&signed, &rsa_sign(&issuer.keys.other_rsa, &signed))
    };
    let own = rsa_jwk(&issuer.keys.other_rsa, "rsa");
    let swapped = URL_SAFE_NO_PAD.encode(issuer.claims_with(json!({"sub": "anna"})).to_string());
    let nested = json!({"alg": "RS256", "kid": "rsa", "cty": "JWT"});
    let nested_body = URL_SAFE_NO_PAD.encode(issuer.good());
    let nested = format!("{}.{nested_body}", URL_SAFE_NO_PAD.encode(nested.to_string()));
    let thumbprint = digest::digest(&digest::SHA256, b"rsa");
    vec![
        ("another key", by_other(rs256()), "its signature is wrong"),
        ("another body", format!("{header}.{swapped}.{signature}"), "its signature is wrong"),
        (
            "its own `jwk`",
            by_other(json!({"alg": "RS256", "kid": "rsa", "jwk": own})),
            "its signature is wrong",
        ),
        (
            "its own `jku`",
            by_other(json!({"alg": "RS256", "kid": "rsa", "jku": "http://127.0.0.1:9/keys"})),
            "its signature is wrong",
        ),
        (
            "its own `x5u`",
            by_other(json!({"alg": "RS256", "kid": "rsa", "x5u": "http://127.0.0.1:9/x"})),
            "its signature is wrong",
        ),
        (
            "its own `x5c`",
            by_other(json!({"alg": "RS256", "kid": "rsa", "x5c": ["MIIB"]})),
            "its signature is wrong",
        ),
        (
            "unknown kid",
            by_other(json!({"alg": "RS256", "kid": "mallory"})),
            "it is signed with a key that its issuer does not publish",
        ),
        (
            "kid by path",
            by_other(json!({"alg": "RS256", "kid": "../../dev/null"})),
            "it is signed with a key that its issuer does not publish",
        ),
        (
            "kid by thumbprint",
            by_other(json!({"alg": "RS256", "kid": URL_SAFE_NO_PAD.encode(thumbprint)})),
            "it is signed with a key that its issuer does not publish",
        ),
        (
            "kid of an EC key",
            by_other(json!({"alg": "RS256", "kid": "ec"})),
            "its key is not one for its algorithm",
        ),
        (
            "kid of an RSA key for ES256",
            issuer.sign(json!({"alg": "ES256", "kid": "rsa"}), &claims),
            "its key is not one for its algorithm",
        ),
        (
            "EdDSA by an EC key",
            issuer.sign(json!({"alg": "EdDSA", "kid": "ec"}), &claims),
            "its key is not one for its algorithm",
        ),
        (
            "a token in a token",
            with_signature(&nested, &rsa_sign(&issuer.keys.rsa, &nested)),
            "its body is not the JSON of a token",
        ),
    ]
}

/// Tokens the issuer signed, that are not for us or not for now.
fn unfit(issuer: &Issuer) -> Vec<(&'static str, String, &'static str)> {
    let with = |changes: Value| issuer.sign(rs256(), &issuer.claims_with(changes));
    let audience = "it is meant for another audience";
    let bound = "it is bound to a key of its sender (`cnf`), and bearer tokens only are taken";
    let not_access = "it is an identity or refresh token, and only access tokens are taken";
    vec![
        ("another issuer", with(json!({"iss": "https://evil.test"})), "it is of another issuer"),
        (
            "almost the issuer",
            with(json!({"iss": format!("{}/", issuer.url)})),
            "it is of another issuer",
        ),
        ("issuer a list", with(json!({"iss": [issuer.url]})), "its `iss` is malformed"),
        ("no issuer", with(json!({"iss": null})), "it does not say `iss`"),
        ("another audience", with(json!({"aud": "https://other.test"})), audience),
        ("other audiences", with(json!({"aud": ["a", "b", 7]})), audience),
        ("no audience in the list", with(json!({"aud": []})), audience),
        (
            "audience an object",
            with(json!({"aud": {"https://api.firm.test": 1}})),
            "its `aud` is malformed",
        ),
        ("no audience", with(json!({"aud": null})), "it does not say `aud`"),
        (
            "ours only as client",
            with(json!({"aud": "https://other.test", "azp": AUDIENCE})),
            audience,
        ),
        ("another client", with(json!({"aud": null, "client_id": "other"})), audience),
        ("expired", with(json!({"exp": NOW_SECONDS - 60})), "it has expired"),
        ("expired long ago", with(json!({"exp": 0})), "it has expired"),
        ("no end", with(json!({"exp": null})), "it does not say `exp`"),
        ("end as text", with(json!({"exp": "tomorrow"})), "its `exp` is malformed"),
        ("negative end", with(json!({"exp": -1})), "its `exp` is malformed"),
        ("endless", with(json!({"exp": 1e300})), "its `exp` is malformed"),
        ("future nbf", with(json!({"nbf": NOW_SECONDS + 61})), "it is not valid yet"),
        ("future iat", with(json!({"iat": NOW_SECONDS + 3600})), "it was issued in the future"),
        ("no person", with(json!({"sub": null})), "its `sub` is not usable as the id of a person"),
        (
            "person a number",
            with(json!({"sub": 7})),
            "its `sub` is not usable as the id of a person",
        ),
        (
            "person with a line break",
            with(json!({"sub": "a\nb"})),
            "its `sub` is not usable as the id of a person",
        ),
        (
            "endless person",
            with(json!({"sub": "x".repeat(256)})),
            "its `sub` is not usable as the id of a person",
        ),
        ("identity token of Cognito", with(json!({"token_use": "id"})), not_access),
        ("refresh token of Keycloak", with(json!({"typ": "Refresh"})), not_access),
        ("bound to a key", with(json!({"cnf": {"jkt": "x"}})), bound),
        ("body a list", issuer.sign(rs256(), &json!([1])), "its body is not the JSON of a token"),
    ]
}

#[test]
fn hostile_tokens_prove_nothing_and_are_shown_nowhere() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _guard = tracing::subscriber::set_default(subscriber);

    let n_tokens = runtime.block_on(async {
        let issuer = Issuer::start().await;
        assert!(issuer.authenticate(&issuer.good()).await.is_ok());
        let tokens = [malformed(&issuer), forged(&issuer), unfit(&issuer)].concat();
        for (what, token, wanted) in &tokens {
            let error = issuer.authenticate(token).await.unwrap_err();
            let SignInError::Refused { reason } = &error else { panic!("{what}: {error:?}") };
            assert_eq!(reason, wanted, "{what}");
            let shown = format!("{} {error:?}", chain(&error));
            for secret in secrets(token) {
                assert!(!shown.contains(secret), "{what}: {shown}");
            }
        }
        // Nobody's forgery made the issuer be asked more than once again.
        assert!(issuer.n_readings() <= 2);
        let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("refused a token"), "{logged}");
        for (what, token, _) in &tokens {
            for secret in secrets(token) {
                assert!(!logged.contains(secret), "{what}");
            }
        }
        tokens.len()
    });
    assert!(n_tokens >= 40, "{n_tokens}");
}

/// Returns the parts of `token` that nobody may see.
fn secrets(token: &str) -> impl Iterator<Item = &str> {
    token.split('.').filter(|part| part.len() > 8)
}

#[tokio::test]
async fn an_algorithm_that_is_not_set_is_refused_although_its_key_is_published() {
    for (algorithm, only, _) in SIGNED_WITH {
        let issuer = Issuer::start_with(|settings| settings.algorithms = vec![only]).await;
        for (other, _, kid) in SIGNED_WITH {
            let token = issuer.sign(json!({"alg": other, "kid": kid}), &issuer.claims());
            let outcome = issuer.authenticate(&token).await;
            assert_eq!(outcome.is_ok(), other == algorithm, "{algorithm} {other}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_unverified_address_is_no_person() {
    let issuer = Issuer::start_with(|it| it.claims.person_claim = "email".to_owned()).await;
    for (verified, is_taken) in
        [(Value::Null, true), (json!(true), true), (json!(false), false), (json!("false"), false)]
    {
        let claims =
            issuer.claims_with(json!({"email": "lena@firm.test", "email_verified": verified}));
        let outcome = issuer.authenticate(&issuer.sign(rs256(), &claims)).await;
        assert_eq!(outcome.is_ok(), is_taken, "{verified}: {outcome:?}");
    }
}
