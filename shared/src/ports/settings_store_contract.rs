//! What every store of changed settings must do.

use std::collections::BTreeMap;

use futures_util::future::join;

use super::settings_store::{SettingChange, SettingsStore, SettingsVersion};
use crate::error::PortErrorKind;
use crate::ids::PersonId;
use crate::time::Timestamp;

#[expect(clippy::expect_used, reason = "a test")]
fn version(number: u64, value: &str) -> SettingsVersion {
    let change =
        SettingChange { path: "poll.every".into(), before: None, after: Some(value.into()) };
    SettingsVersion {
        version: number,
        at: Timestamp::from_millis(1000),
        author: PersonId::parse("ada").expect("a person"),
        reason: "a test".into(),
        changes: vec![change],
        values: BTreeMap::from([("poll.every".to_owned(), value.into())]),
    }
}

/// Checks the contract of an empty `store`.
///
/// # Panics
///
/// When it is broken.
#[expect(clippy::expect_used, reason = "a test")]
pub async fn check(store: &dyn SettingsStore) {
    assert_eq!(store.history().await.expect("history"), []);
    for (number, why) in [(0, "versions begin with 1"), (2, "there is no version 1")] {
        let refused = store.append(&version(number, "1s")).await.expect_err(why);
        assert_eq!(refused.kind(), PortErrorKind::Conflict, "{why}");
    }

    store.append(&version(1, "1s")).await.expect("first");
    let again = store.append(&version(1, "9s")).await.expect_err("version 1 is there");
    assert_eq!(again.kind(), PortErrorKind::Conflict);
    let (left, right) = (version(2, "2s"), version(2, "3s"));
    let both = join(store.append(&left), store.append(&right)).await;
    assert!(both.0.is_ok() ^ both.1.is_ok(), "of two at once, one is added");

    for number in 3..=12 {
        store.append(&version(number, "4s")).await.expect("next");
    }
    let history = store.history().await.expect("history");
    let numbers: Vec<u64> = history.iter().map(|it| it.version).collect();
    assert_eq!(numbers, (1..=12).rev().collect::<Vec<u64>>());
    assert_eq!(history.last(), Some(&version(1, "1s")));
}
