//! Settings that were changed while the process ran: kept in the database, hidden by the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use shared::config::{ConfigError, SettingsEditor};
use shared::ports::{Ledger, LedgerSettingsStore, SettingsStore, SettingsVersion, SystemClock};

use super::load::{Loaded, Places, form};
use crate::exit::CommandError;

/// Settings that were changed, as the database keeps them.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// How many changes there were.
    pub(super) version: u64,
    /// Each setting that is changed, by its path.
    pub(super) values: BTreeMap<String, Value>,
}

impl From<&SettingsVersion> for Changes {
    fn from(version: &SettingsVersion) -> Self {
        Self { version: version.version, values: version.values.clone() }
    }
}

impl Places {
    /// Reads and checks the settings with what was changed while the process ran.
    ///
    /// # Errors
    ///
    /// Every fault, or why the case store cannot be opened.
    pub(crate) async fn in_force(&self) -> Result<Loaded, CommandError> {
        let loaded = self.load()?;
        let ledger = loaded.settings.open_stores().await?.ledger;
        let history = LedgerSettingsStore::new(ledger).history().await;
        let history =
            history.map_err(|error| CommandError::failed("read the changed settings", error))?;
        match history.first() {
            None => Ok(loaded),
            Some(newest) => Ok(self.load_with(&Changes::from(newest))?),
        }
    }

    /// Returns what changes settings in the database behind `ledger`; a change is kept only when
    /// all settings of these places together are good with it.
    pub(crate) fn editor(&self, ledger: Arc<dyn Ledger>) -> SettingsEditor {
        let places = self.clone();
        let check = move |values: &BTreeMap<String, Value>| -> Result<(), ConfigError> {
            let changes = Changes { version: 0, values: values.clone() };
            places.load_with(&changes).map(|_| ())
        };
        let store = Arc::new(LedgerSettingsStore::new(ledger));
        SettingsEditor::new(store, Arc::new(SystemClock), &form(), check)
    }
}
