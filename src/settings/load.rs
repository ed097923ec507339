//! Finds the settings file, reads it and checks what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shared::config::ConfigError;

use super::Settings;

/// The name of the settings file, in the working folder or in the data folder.
pub(crate) const FILE_NAME: &str = "moodbridge.toml";

impl Settings {
    /// Finds the settings file: `path`, else `moodbridge.toml` here, else in the data folder.
    pub(crate) fn source(path: Option<&Path>, data_dir: &Path) -> Option<PathBuf> {
        path.map(Path::to_path_buf).or_else(|| {
            [PathBuf::from(FILE_NAME), data_dir.join(FILE_NAME)]
                .into_iter()
                .find(|candidate| candidate.is_file())
        })
    }

    /// Reads and checks the settings; without a file every setting has its default.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    pub(crate) fn load(path: Option<&Path>, data_dir: &Path) -> Result<Self, ConfigError> {
        let Some(path) = Self::source(path, data_dir) else {
            return Ok(Self { data_dir: data_dir.to_path_buf(), ..Self::default() });
        };
        let fault = |what: String| ConfigError::new(vec![format!("{}: {what}", path.display())]);
        let text = std::fs::read_to_string(&path).map_err(|error| fault(error.to_string()))?;
        let mut settings: Self =
            toml::from_str(&text).map_err(|error| fault(error.to_string().trim().to_owned()))?;
        settings.data_dir = data_dir.to_path_buf();
        let faults = settings.faults();
        if faults.is_empty() { Ok(settings) } else { Err(ConfigError::new(faults)) }
    }

    /// Returns what is wrong although each setting is well formed by itself.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut names = BTreeSet::new();
        for (idx, connection) in self.connections.iter().enumerate() {
            if !names.insert(connection.name()) {
                faults.push(format!(
                    "connections[{idx}].name: `{}` names another connection already; choose \
                     another name",
                    connection.name()
                ));
            }
        }
        match &self.identity {
            Some(identity) => {
                faults.extend(
                    identity.faults().into_iter().map(|it| it.below("identity").to_string()),
                );
            }
            None if !self.server.address.ip().is_loopback() => faults.push(format!(
                "server.address: `{}` can be reached from other machines, so people must prove who \
                 they are; add `[identity]` with your `issuer` and `audience` (docs/identity.md), \
                 or write `127.0.0.1:{}`",
                self.server.address,
                self.server.address.port()
            )),
            None => {}
        }
        faults
    }
}
