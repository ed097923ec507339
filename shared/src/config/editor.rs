//! Changes settings while the process runs: checked, versioned, undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::{ConfigError, Fault, Form};
use crate::error::{PortError, PortErrorKind};
use crate::ids::PersonId;
use crate::ports::{Clock, SettingChange, SettingsStore, SettingsVersion};

/// Checks all settings with the given ones changed, by path.
type Check = dyn Fn(&BTreeMap<String, Value>) -> Result<(), ConfigError> + Send + Sync;

/// Changes settings while the process runs. What is changed takes effect at the next start.
pub struct SettingsEditor {
    store: Arc<dyn SettingsStore>,
    clock: Arc<dyn Clock>,
    changeable: BTreeSet<String>,
    check: Box<Check>,
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The settings would not be good; nothing was kept.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// Somebody else changed them meanwhile.
    #[error("the settings are at version {current} by now, not {expected}: look again")]
    Outdated {
        /// The version that the author had seen.
        expected: u64,
        /// The version there is.
        current: u64,
    },
    /// There is no such version.
    #[error("there is no version {version}")]
    UnknownVersion {
        /// The version.
        version: u64,
    },
    /// The store failed.
    #[error("the versions of the settings are out of reach")]
    Store(#[from] PortError),
}

impl SettingsEditor {
    /// Keeps versions in `store`. Of the settings of `form`, those marked `x-changeable` may be
    /// changed; `check` says whether all settings together would be good.
    pub fn new(
        store: Arc<dyn SettingsStore>,
        clock: Arc<dyn Clock>,
        form: &Form,
        check: impl Fn(&BTreeMap<String, Value>) -> Result<(), ConfigError> + Send + Sync + 'static,
    ) -> Self {
        let changeable = form.changeable().into_iter().collect();
        Self { store, clock, changeable, check: Box::new(check) }
    }

    /// Returns the paths of the settings that may be changed.
    pub fn changeable(&self) -> impl Iterator<Item = &str> {
        self.changeable.iter().map(String::as_str)
    }

    /// Returns every version, the newest first.
    ///
    /// # Errors
    ///
    /// As the store answers.
    pub async fn history(&self) -> Result<Vec<SettingsVersion>, PortError> {
        self.store.history().await
    }

    /// Sets each path of `patch`, or takes its change back where there is no value.
    ///
    /// # Errors
    ///
    /// [`ChangeError`]; nothing is changed then.
    pub async fn change(
        &self,
        expected_version: u64,
        patch: &BTreeMap<String, Option<Value>>,
        author: PersonId,
        reason: &str,
    ) -> Result<SettingsVersion, ChangeError> {
        let history = self.store.history().await?;
        let (current, before) = history
            .first()
            .map_or_else(|| (0, BTreeMap::new()), |it| (it.version, it.values.clone()));
        let outdated = |current| ChangeError::Outdated { expected: expected_version, current };
        if current != expected_version {
            return Err(outdated(current));
        }
        self.refuse_fixed(patch)?;
        let mut values = before.clone();
        for (path, value) in patch {
            match value {
                Some(value) => drop(values.insert(path.clone(), value.clone())),
                None => drop(values.remove(path)),
            }
        }
        (self.check)(&values)?;
        let changes: Vec<SettingChange> = patch
            .keys()
            .map(|path| SettingChange {
                path: path.clone(),
                before: before.get(path).cloned(),
                after: values.get(path).cloned(),
            })
            .filter(|it| it.before != it.after)
            .collect();
        if changes.is_empty() {
            return Err(ConfigError::from(Fault::new("", "nothing would change")).into());
        }
        let next = SettingsVersion {
            version: current + 1,
            at: self.clock.now(),
            author,
            reason: reason.to_owned(),
            changes,
            values,
        };
        match self.store.append(&next).await {
            Ok(()) => Ok(next),
            Err(error) if error.kind() == PortErrorKind::Conflict => Err(outdated(next.version)),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a new version without what `version` changed.
    ///
    /// # Errors
    ///
    /// [`ChangeError`], also when one of its settings was changed again since.
    pub async fn undo(
        &self,
        version: u64,
        author: PersonId,
    ) -> Result<SettingsVersion, ChangeError> {
        let history = self.store.history().await?;
        let undone = history.iter().find(|it| it.version == version);
        let (Some(undone), Some(current)) = (undone, history.first()) else {
            return Err(ChangeError::UnknownVersion { version });
        };
        let later: Vec<Fault> = undone
            .changes
            .iter()
            .filter(|it| current.values.get(&it.path) != it.after.as_ref())
            .map(|it| Fault::new(&*it.path, "was changed again since: undo that version first"))
            .collect();
        if !later.is_empty() {
            return Err(later.into_iter().collect::<ConfigError>().into());
        }
        let patch = undone.changes.iter().map(|it| (it.path.clone(), it.before.clone())).collect();
        self.change(current.version, &patch, author, &format!("undo version {version}")).await
    }

    fn refuse_fixed(&self, patch: &BTreeMap<String, Option<Value>>) -> Result<(), ConfigError> {
        let fixed: Vec<Fault> = patch
            .keys()
            .filter(|path| !self.changeable.contains(*path))
            .map(|path| {
                let known: Vec<String> =
                    self.changeable.iter().map(|it| format!("`{it}`")).collect();
                let what = format!(
                    "cannot be changed while the process runs; write it into the file, or change \
                     one of {}",
                    known.join(", ")
                );
                Fault::new(path.as_str(), what)
            })
            .collect();
        if fixed.is_empty() { Ok(()) } else { Err(fixed.into_iter().collect()) }
    }
}

#[cfg(test)]
mod tests;
