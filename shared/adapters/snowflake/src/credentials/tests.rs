//! Tests of tokens, on a clock that is set by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::key_pair::tests::new_pem;

const NOW: i64 = 1_796_040_000_000;

struct HandClock(AtomicI64);

impl HandClock {
    fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Secrets that can be replaced.
#[derive(Default)]
struct Kept(Mutex<BTreeMap<String, String>>);

impl Kept {
    fn set(&self, name: &str, value: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(format!("env:{name}"), value.to_owned());
    }
}

#[async_trait]
impl Secrets for Kept {
    async fn read(&self, address: &SecretAddress) -> Result<Secret, PortError> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(address.as_str()).map(|it| Secret::new(it.as_str()));
        found.ok_or_else(|| {
            PortError::new(PortErrorKind::NotFound, "test", "read secret", address.as_str())
        })
    }
}

fn credentials(auth: &Value) -> (Credentials, Arc<Kept>, Arc<HandClock>) {
    let settings = SnowflakeSettings::from_json(&json!({
        "connection": "lake", "account": "MYORG-FIRM", "auth": auth,
        "database": "LEGAL", "schema": "PUBLIC",
    }));
    let (secrets, clock) = (Arc::new(Kept::default()), Arc::new(HandClock(NOW.into())));
    let made = Credentials::new(&settings.unwrap(), secrets.clone(), clock.clone());
    (made, secrets, clock)
}

fn issued_at(signed: &Signed) -> i64 {
    let claims = signed.token.expose().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims["iat"].as_i64().unwrap()
}

#[tokio::test]
async fn token_is_kept_until_a_minute_before_its_end() {
    let auth = json!({"flow": "key_pair", "user": "LOADER", "private_key": "env:KEY"});
    let (credentials, secrets, clock) = credentials(&auth);
    secrets.set("KEY", &new_pem());

    let first = credentials.token().await.unwrap();
    clock.pass(3239);
    assert_eq!(credentials.token().await.unwrap().token.expose(), first.token.expose());
    clock.pass(1);
    let second = credentials.token().await.unwrap();

    assert_eq!(issued_at(&second) - issued_at(&first), 3240);
}

#[tokio::test]
async fn refused_token_is_made_again_of_what_is_kept_now() {
    let auth = json!({"flow": "key_pair", "user": "LOADER", "private_key": "env:KEY",
        "next_private_key": "env:NEXT"});
    let (credentials, secrets, clock) = credentials(&auth);
    let (old, new, next) = (new_pem(), new_pem(), new_pem());
    secrets.set("KEY", &old);
    secrets.set("NEXT", &next);
    let first = credentials.token().await.unwrap();

    // Replaced in its place: that one comes before the next key.
    secrets.set("KEY", &new);
    let second = credentials.another(&first, None).await.unwrap().unwrap();
    assert_eq!(second.origin.expose(), new);
    // Who was refused at the same time gets the same token, not another.
    let beside = credentials.another(&first, None).await.unwrap().unwrap();
    assert_eq!(beside.token.expose(), second.token.expose());

    // Snowflake's clock is 40 s ahead: its own is used, with the same key.
    let there = clock.now().plus(Duration::from_secs(40));
    let third = credentials.another(&second, Some(there)).await.unwrap().unwrap();
    assert_eq!(third.origin.expose(), new);
    assert_eq!(issued_at(&third) - issued_at(&second), 40);

    // The same clock again: it is the key.
    let fourth = credentials.another(&third, Some(there)).await.unwrap().unwrap();
    assert_eq!(fourth.origin.expose(), next);
    assert_eq!(credentials.token().await.unwrap().token.expose(), fourth.token.expose());
    let fifth = credentials.another(&fourth, Some(there)).await.unwrap().unwrap();
    assert_eq!(fifth.origin.expose(), new, "and back, once for each call");
}

#[tokio::test]
async fn token_that_others_keep_is_tried_again_only_when_it_was_replaced() {
    let auth = json!({"flow": "oauth", "token": "env:TOKEN"});
    let (credentials, secrets, _) = credentials(&auth);
    assert_eq!(credentials.token().await.err().unwrap().kind(), PortErrorKind::NotFound);
    secrets.set("TOKEN", "one");
    let first = credentials.token().await.unwrap();
    assert!(credentials.another(&first, None).await.unwrap().is_none());
    secrets.set("TOKEN", "two");
    assert_eq!(credentials.token().await.unwrap().token.expose(), "two");
    let second = credentials.another(&first, None).await.unwrap().unwrap();
    assert_eq!(second.token.expose(), "two");
}

#[tokio::test]
async fn key_that_signs_nothing_is_an_error_that_names_the_connection() {
    let auth = json!({"flow": "key_pair", "user": "LOADER", "private_key": "env:KEY"});
    let (credentials, secrets, _) = credentials(&auth);
    secrets.set("KEY", "hunter2");
    let error = credentials.token().await.err().unwrap();
    let text = shared::chain(&error).to_string();
    assert!(text.contains("`lake`") && text.contains("BEGIN PRIVATE KEY"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}
