//! Keys that change, are many, or cannot be read.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use shared::ports::SignInError;

use crate::fixture::{Issuer, ec_jwk, rs256, rsa_jwk, rsa_sign, signing_input, with_signature};

fn reason(outcome: Result<shared::auth::Principal, SignInError>) -> String {
    match outcome {
        Err(SignInError::Refused { reason }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

impl Issuer {
    fn publish(&self, keys: Vec<Value>) {
        *self.published.keys.lock().unwrap() = keys;
    }

    fn set_down(&self, is_down: bool) {
        *self.published.is_down.lock().unwrap() = is_down;
    }

    /// Returns a token of the key that is not published at first.
    fn of_new_key(&self, jti: usize) -> String {
        let header = json!({"alg": "RS256", "kid": "new"});
        let signed = signing_input(&header, &self.claims_with(json!({"jti": jti})));
        with_signature(&signed, &rsa_sign(&self.keys.other_rsa, &signed))
    }

    fn numbered(&self, jti: usize) -> String {
        self.sign(rs256(), &self.claims_with(json!({"jti": jti})))
    }
}

#[tokio::test]
async fn a_new_key_is_found_by_its_first_token() {
    let issuer = Issuer::start().await;
    issuer.authenticate(&issuer.good()).await.unwrap();
    issuer.publish(vec![rsa_jwk(&issuer.keys.other_rsa, "new"), rsa_jwk(&issuer.keys.rsa, "rsa")]);
    issuer.clock.pass(Duration::from_secs(31));

    issuer.authenticate(&issuer.of_new_key(1)).await.unwrap();

    assert_eq!(issuer.n_readings(), 2);
    issuer.authenticate(&issuer.numbered(2)).await.unwrap();
    assert_eq!(issuer.n_readings(), 2);
}

#[tokio::test]
async fn a_thousand_garbage_key_ids_ask_the_issuer_once_per_floor() {
    let issuer = Issuer::start().await;
    issuer.authenticate(&issuer.good()).await.unwrap();
    issuer.clock.pass(Duration::from_secs(31));
    for round in 0..3 {
        for n in 0..334 {
            let header = json!({"alg": "RS256", "kid": format!("garbage-{round}-{n}")});
            let token = issuer.sign(header, &issuer.claims());
            let reason = reason(issuer.authenticate(&token).await);
            assert_eq!(reason, "it is signed with a key that its issuer does not publish");
        }
        assert_eq!(issuer.n_readings(), 2 + round);
        issuer.clock.pass(Duration::from_secs(30));
    }
}

#[tokio::test]
async fn a_thousand_first_tokens_at_once_read_the_keys_once() {
    let issuer = Issuer::start().await;
    let tasks: Vec<_> = (0..1000)
        .map(|n| {
            let (authenticator, token) = (issuer.authenticator.clone(), issuer.numbered(n));
            tokio::spawn(async move {
                shared::ports::Authenticator::authenticate(&*authenticator, &token).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(issuer.n_readings(), 1);
}

#[tokio::test]
async fn a_withdrawn_key_proves_nothing_once_the_keys_are_read_again() {
    let issuer = Issuer::start_with(|it| it.claims.leeway = Duration::from_secs(3600)).await;
    issuer.authenticate(&issuer.good()).await.unwrap();
    issuer.publish(vec![rsa_jwk(&issuer.keys.other_rsa, "new")]);
    issuer.clock.pass(Duration::from_secs(601));

    // Even a token that was proved before: what is remembered is shorter-lived than the keys.
    let reason = reason(issuer.authenticate(&issuer.good()).await);

    assert_eq!(reason, "it is signed with a key that its issuer does not publish");
}

#[tokio::test]
async fn held_keys_outlast_an_outage_for_a_day() {
    let issuer = Issuer::start_with(|it| it.claims.leeway = Duration::from_secs(7 * 86_400)).await;
    issuer.authenticate(&issuer.good()).await.unwrap();
    issuer.set_down(true);
    issuer.clock.pass(Duration::from_secs(24 * 3600));
    issuer.authenticate(&issuer.numbered(1)).await.unwrap();

    issuer.clock.pass(Duration::from_secs(601));
    let error = issuer.authenticate(&issuer.numbered(2)).await.unwrap_err();
    assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");

    issuer.set_down(false);
    issuer.clock.pass(Duration::from_secs(1));
    issuer.authenticate(&issuer.numbered(3)).await.unwrap();
}

#[tokio::test]
async fn without_keys_nothing_is_proved_and_nothing_is_refused() {
    let issuer = Issuer::start().await;
    issuer.set_down(true);
    for _ in 0..10 {
        let error = issuer.authenticate(&issuer.good()).await.unwrap_err();
        assert!(matches!(error, SignInError::Unavailable(_)), "{error:?}");
    }
    issuer.set_down(false);
    issuer.clock.pass(Duration::from_secs(1));
    issuer.authenticate(&issuer.good()).await.unwrap();
    assert_eq!(issuer.published.n_readings.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_not_believed() {
    let issuer = Issuer::start().await;
    *issuer.published.issuer.lock().unwrap() = Some("https://evil.test".to_owned());
    let error = issuer.authenticator.warm_up().await.unwrap_err();
    let text = shared::error::chain(&error).to_string();
    assert!(text.contains("set `issuer` exactly as that document writes it"), "{text}");
    assert_eq!(issuer.n_readings(), 0);
}

#[tokio::test]
async fn two_keys_of_one_id_prove_nothing() {
    let issuer = Issuer::start().await;
    issuer.publish(vec![rsa_jwk(&issuer.keys.other_rsa, "rsa"), rsa_jwk(&issuer.keys.rsa, "rsa")]);
    let reason = reason(issuer.authenticate(&issuer.good()).await);
    assert_eq!(reason, "two keys of its issuer have the same id");
}

#[tokio::test]
async fn a_token_without_key_id_is_taken_when_only_one_key_fits() {
    let issuer = Issuer::start().await;
    let token = issuer.sign(json!({"alg": "RS256"}), &issuer.claims());
    issuer.authenticate(&token).await.unwrap();

    let issuer = Issuer::start().await;
    issuer
        .publish(vec![rsa_jwk(&issuer.keys.other_rsa, "other"), rsa_jwk(&issuer.keys.rsa, "rsa")]);
    let token = issuer.sign(json!({"alg": "RS256"}), &issuer.claims());
    let reason = reason(issuer.authenticate(&token).await);
    assert_eq!(reason, "it names no key (`kid`), and its issuer has several");
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_are_passed_over() {
    let with = |issuer: &Issuer, name: &str, value: Value| {
        let mut key = rsa_jwk(&issuer.keys.rsa, "rsa");
        key[name] = value;
        key
    };
    for (what, name, value) in [
        ("for encryption", "use", json!("enc")),
        ("for wrapping", "key_ops", json!(["wrapKey"])),
        ("for another algorithm", "alg", json!("RSA-OAEP")),
        ("a shared secret", "kty", json!("oct")),
        ("of an unknown kind", "kty", json!("AKP")),
        ("broken", "n", json!("not base64!")),
        ("without a modulus", "n", Value::Null),
        ("named by a number", "kid", json!(7)),
    ] {
        let issuer = Issuer::start().await;
        let key = with(&issuer, name, value);
        issuer.publish(vec![key, json!(7), ec_jwk(&issuer.keys.ec, "ec")]);
        let reason = reason(issuer.authenticate(&issuer.good()).await);
        assert_eq!(reason, "it is signed with a key that its issuer does not publish", "{what}");
        let other = issuer.sign(json!({"alg": "ES256", "kid": "ec"}), &issuer.claims());
        assert!(issuer.authenticate(&other).await.is_ok(), "{what}");
    }
}

#[tokio::test]
async fn an_rsa_key_below_2048_bits_proves_nothing() {
    let issuer = Issuer::start().await;
    let mut weak = rsa_jwk(&issuer.keys.rsa, "rsa");
    let n = weak["n"].as_str().unwrap()[..172].to_owned();
    weak["n"] = json!(n);
    issuer.publish(vec![weak]);
    let reason = reason(issuer.authenticate(&issuer.good()).await);
    assert_eq!(reason, "its signature is wrong");
}
