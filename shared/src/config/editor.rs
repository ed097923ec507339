//! Changes settings while the process runs: checked, versioned, undone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Fault, Form, nearest};
use crate::error::{PortError, PortErrorKind};
use crate::ids::PersonId;
use crate::ports::{Clock, SettingChange, SettingsStore, SettingsVersion};

/// One setting as it will be at the next start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShownSetting {
    /// Its path, such as `poll.every`.
    #[cfg_attr(feature = "openapi", schema(example = "poll.every"))]
    pub path: String,
    /// Its value; of a secret its address, of a password nothing.
    pub value: Value,
    /// Where the value comes from: `default`, a line of the file, `change 3`, or the name of a
    /// variable or an argument.
    #[cfg_attr(feature = "openapi", schema(example = "moodbridge.toml:5"))]
    pub source: String,
    /// Whether a change takes effect: it may be changed while the process runs, and no variable or
    /// argument hides what is changed.
    pub can_change: bool,
}

/// Reads all settings of a process, as it reads them when it starts.
pub trait SettingsReader: Send + Sync {
    /// Returns every setting with `values` changed, by path, as of `version`; 0 is one that is still
    /// to be made.
    ///
    /// # Errors
    ///
    /// Every fault of the settings together.
    fn read(
        &self,
        version: u64,
        values: &BTreeMap<String, Value>,
    ) -> Result<Vec<ShownSetting>, Vec<Fault>>;
}

/// Every setting as it will be at the next start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsInForce {
    /// The newest version; 0 when nothing was changed.
    pub version: u64,
    /// The settings.
    pub values: Vec<ShownSetting>,
}

/// Changes settings while the process runs. What is changed takes effect at the next start.
pub struct SettingsEditor {
    store: Arc<dyn SettingsStore>,
    clock: Arc<dyn Clock>,
    known: BTreeSet<String>,
    changeable: BTreeSet<String>,
    form: Form,
    reader: Box<dyn SettingsReader>,
    running: u64,
}

/// Why settings were not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The settings would not be good; nothing was kept.
    #[error("settings: {}", listed(faults))]
    Settings {
        /// Every fault.
        faults: Vec<Fault>,
    },
    /// A later version changed the same settings.
    #[error("settings: {}", listed(faults))]
    ChangedSince {
        /// Each of those settings.
        faults: Vec<Fault>,
    },
    /// Somebody else changed them meanwhile.
    #[error("the settings are at version {current} by now, not {expected}: look again")]
    Outdated {
        /// The version that the author had seen.
        expected: u64,
        /// The version there is.
        current: u64,
    },
    /// The settings have these values already.
    #[error("nothing would change: give another value")]
    Unchanged,
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

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl SettingsEditor {
    /// Keeps versions in `store`. Of the settings of `form`, those marked `x-changeable` may be
    /// changed, as long as `reader` finds all settings together good. The process began with the
    /// version `running`.
    pub fn new(
        store: Arc<dyn SettingsStore>,
        clock: Arc<dyn Clock>,
        form: Form,
        reader: impl SettingsReader + 'static,
        running: u64,
    ) -> Self {
        let changeable: BTreeSet<String> = form.changeable().into_iter().collect();
        let mut known = changeable.clone();
        form.visit(&Value::Object(Map::new()), &mut |path, _, _| {
            known.insert(path.to_owned());
        });
        Self { store, clock, known, changeable, form, reader: Box::new(reader), running }
    }

    /// Returns the version that the process began with; 0 when nothing was changed before.
    pub fn running(&self) -> u64 {
        self.running
    }

    /// Returns every setting as it will be at the next start.
    ///
    /// # Errors
    ///
    /// [`ChangeError`], also when what was written beside the changes is not good by now.
    pub async fn in_force(&self) -> Result<SettingsInForce, ChangeError> {
        let history = self.store.history().await?;
        let (version, values) = history
            .first()
            .map_or_else(|| (0, BTreeMap::new()), |it| (it.version, it.values.clone()));
        let read = self.reader.read(version, &values);
        read.map(|values| SettingsInForce { version, values })
            .map_err(|faults| ChangeError::Settings { faults })
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
        self.reader.read(0, &values).map_err(|faults| ChangeError::Settings { faults })?;
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
            return Err(ChangeError::Unchanged);
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

    /// Makes a new version without what `version` changed. Without a reason it says what is undone.
    ///
    /// # Errors
    ///
    /// [`ChangeError`], also when one of its settings was changed again since.
    pub async fn undo(
        &self,
        version: u64,
        author: PersonId,
        reason: &str,
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
            return Err(ChangeError::ChangedSince { faults: later });
        }
        let patch = undone.changes.iter().map(|it| (it.path.clone(), it.before.clone())).collect();
        let undo = format!("undo version {version}");
        let reason = if reason.is_empty() { &undo } else { reason };
        self.change(current.version, &patch, author, reason).await
    }

    fn refuse_fixed(&self, patch: &BTreeMap<String, Option<Value>>) -> Result<(), ChangeError> {
        let faults: Vec<Fault> = patch
            .keys()
            .filter(|path| !self.changeable.contains(*path))
            .map(|path| Fault::new(path.as_str(), self.why_not(path)))
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(ChangeError::Settings { faults }) }
    }

    /// Says why the setting at `path` is not changed here.
    fn why_not(&self, path: &str) -> String {
        let known: Vec<&str> = self.known.iter().map(String::as_str).collect();
        if !self.known.contains(path)
            && self.form.part(path).is_none()
            && let Some(meant) = nearest(path, &known)
        {
            return format!("is not a setting; did you mean `{meant}`?");
        }
        let what = match (self.form.part(path), self.changeable.is_empty()) {
            (_, true) => {
                return "this process reads its settings when it starts, and keeps to \
                 them: change them there"
                    .to_owned();
            }
            (Some(_), _) => "cannot be changed while the process runs: write it into the file",
            (None, _) => "is not a setting",
        };
        let names: Vec<String> = self.changeable().map(|it| format!("`{it}`")).collect();
        format!("{what}, or change one of {}", names.join(", "))
    }
}

#[cfg(test)]
mod tests;
