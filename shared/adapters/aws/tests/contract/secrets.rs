//! Secrets in Secrets Manager.

use std::sync::Arc;

use adapter_aws::SecretsManager;
use adapter_aws::testkit::TestAccount;
use shared::error::PortErrorKind;
use shared::ports::{SecretAddress, SecretWriter as _, Secrets as _, SystemClock};
use shared::secret::Secret;

fn address(name: &str, rest: &str) -> SecretAddress {
    SecretAddress::parse(format!("secretsmanager:{name}{rest}")).unwrap()
}

#[tokio::test]
async fn secret_is_read_whole_by_field_and_by_stage() {
    let Some(account) = TestAccount::open().await else { return };
    let secrets = SecretsManager::new(&account.account, Arc::new(SystemClock));
    let name = account.secret(" s3cret\n").await;
    assert_eq!(secrets.read(&address(&name, "")).await.unwrap().expose(), "s3cret");

    secrets.write(&address(&name, ""), &Secret::new(r#"{"id":"a","key":"k"}"#)).await.unwrap();

    assert_eq!(secrets.read(&address(&name, "#key")).await.unwrap().expose(), "k");
    let before = secrets.read(&address(&name, "?stage=AWSPREVIOUS")).await.unwrap();
    assert_eq!(before.expose(), "s3cret");
    let missing = secrets.read(&address(&name, "#other")).await.unwrap_err();
    assert_eq!(missing.kind(), PortErrorKind::Rejected);
    let text = shared::chain(&missing).to_string();
    assert!(text.contains("no such text field") && !text.contains("\"k\""), "{text}");
}

#[tokio::test]
async fn rotated_secret_is_kept_until_it_is_asked_for_again() {
    let Some(account) = TestAccount::open().await else { return };
    let ours = SecretsManager::new(&account.account, Arc::new(SystemClock));
    let theirs = SecretsManager::new(&account.account, Arc::new(SystemClock));
    let name = account.secret("old").await;
    let at = address(&name, "");
    assert_eq!(ours.read(&at).await.unwrap().expose(), "old");

    theirs.write(&at, &Secret::new("new")).await.unwrap();

    assert_eq!(ours.read(&at).await.unwrap().expose(), "old");
    assert_eq!(ours.read_again(&at).await.unwrap().expose(), "new");
    assert_eq!(ours.read(&at).await.unwrap().expose(), "new");
}

#[tokio::test]
async fn secret_that_is_not_there_is_named() {
    let Some(account) = TestAccount::open().await else { return };
    let secrets = SecretsManager::new(&account.account, Arc::new(SystemClock));
    let error = secrets.read(&address("nowhere", "")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
    assert!(error.to_string().contains("secretsmanager:nowhere"), "{error}");
    let error = secrets.write(&address("nowhere", ""), &Secret::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), PortErrorKind::NotFound);
}
