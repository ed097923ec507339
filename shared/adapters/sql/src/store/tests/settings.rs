//! Versions of settings in the ledger of a real database.

use std::sync::Arc;

use shared::PortErrorKind;
use shared::ports::{Ledger, LedgerSettingsStore, SettingsStore, settings_store_contract};

use super::deployment::{Deployment, on_both_engines};

on_both_engines![
    versions_of_settings_keep_the_contract,
    version_of_settings_is_never_changed_nor_removed,
];

async fn versions_of_settings_keep_the_contract(deployment: Deployment) {
    let store = LedgerSettingsStore::new(deployment.store.clone());
    settings_store_contract::check(&store).await;
}

async fn version_of_settings_is_never_changed_nor_removed(deployment: Deployment) {
    let ledger: Arc<dyn Ledger> = deployment.store.clone();
    let store = LedgerSettingsStore::new(ledger.clone());
    settings_store_contract::check(&store).await;
    let kept = store.history().await.unwrap();

    for tampering in [
        "UPDATE ledger SET value = 'forged' WHERE name = 'settings/0000000001'",
        "UPDATE ledger SET name = 'hidden' WHERE name = 'settings/0000000012'",
        "DELETE FROM ledger WHERE name LIKE 'settings/%'",
        "DELETE FROM ledger",
    ] {
        let refused = deployment.try_to_tamper(tampering).await.unwrap_err().to_string();
        assert!(refused.contains("versions of settings are never"), "{tampering}: {refused}");
    }
    let first = ledger.get("settings/0000000001").await.unwrap().unwrap();
    let refused = ledger.put("settings/0000000001", "forged", first.revision).await.unwrap_err();
    assert_ne!(refused.kind(), PortErrorKind::Conflict);

    assert_eq!(store.history().await.unwrap(), kept);
    let revision = ledger.put("cursor/main/Case", "1", 0).await.unwrap();
    assert_eq!(ledger.put("cursor/main/Case", "2", revision).await.unwrap(), 2);
    deployment.tamper("DELETE FROM ledger WHERE name = 'cursor/main/Case'").await;
}
