//! Settings that were changed while the process ran: kept in the database, hidden by the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use shared::config::{Fault, SettingsEditor, SettingsReader, ShownSetting};
use shared::ports::{SettingsStore, SettingsVersion, SystemClock};

use super::load::{Loaded, Places, form};
use super::show::shown;
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
        let history = loaded.settings.open_stores().await?.settings.history().await;
        let history =
            history.map_err(|error| CommandError::failed("read the changed settings", error))?;
        match history.first() {
            None => Ok(loaded),
            Some(newest) => Ok(self.load_with(&Changes::from(newest))?),
        }
    }

    /// Returns what changes settings in `store`, for a process that began with the version
    /// `running`; a change is kept only when all settings of these places together are good with it.
    pub(crate) fn editor(&self, store: Arc<dyn SettingsStore>, running: u64) -> SettingsEditor {
        SettingsEditor::new(store, Arc::new(SystemClock), form(), self.clone(), running)
    }
}

impl SettingsReader for Places {
    fn read(
        &self,
        version: u64,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<ShownSetting>, Vec<Fault>> {
        let changes = Changes { version, values: values.clone() };
        Ok(shown(&self.read_with(&changes)?.document))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is changed here is shown as it is, and kept for ever.
    #[test]
    fn no_setting_that_holds_or_names_a_secret_may_be_changed() {
        let changeable = form().changeable();
        assert_eq!(
            changeable,
            [
                "api.cors_origins",
                "poll.every",
                "poll.lag",
                "poll.overlap",
                "reconcile.every",
                "reconcile.repair",
                "relay.bulk_threshold",
                "relay.max_attempts",
            ]
        );
        for path in changeable {
            let schema = form().part(&path).unwrap().to_string();
            assert!(!schema.contains("secret"), "{path}: {schema}");
        }
    }
}
