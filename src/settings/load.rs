//! Gathers what was written in all places, and checks it as a whole.

use std::path::{Path, PathBuf};

use serde_json::Value;
use shared::config::{ConfigError, Env, Fault, Form, Reading};
use webhook_intake::IntakeSettings;
use wiring::ConnectionSettings;

use super::Settings;
use super::changes::Changes;
use super::document::Document;
use super::origin::Origin;
use super::{file, overrides};

/// The name of the settings file, in the working folder or in the data folder.
pub(crate) const FILE_NAME: &str = "moodbridge.toml";

/// Where connector manifests are, below the data folder.
const PLATFORMS_FOLDER: &str = "platforms";

/// Returns the form of every setting.
pub(crate) fn form() -> Form {
    let form = Form::of::<Settings>()
        .with_text::<analytics_api::Origin>()
        .with_text::<host::local::HostName>()
        .with_text::<shared::sealed::KeyPlace>();
    ConnectionSettings::with_checks(IntakeSettings::with_checks(form))
}

/// Where settings are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The file that the command was told to read.
    pub(crate) file: Option<PathBuf>,
    /// Where data is kept when no setting says otherwise.
    pub(crate) data_dir: PathBuf,
    /// The variables of the environment.
    pub(crate) env: Env,
    /// Each `PATH=VALUE` that the command was told.
    pub(crate) flags: Vec<String>,
}

/// What was written, and the settings it makes.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// What was written.
    pub(crate) document: Document,
    /// The settings.
    pub(crate) settings: Settings,
    /// The newest of the changes in it; 0 when there is none.
    pub(crate) version: u64,
}

impl Places {
    /// Looks into the file and the environment.
    pub(crate) fn of_process(file: Option<&Path>, data_dir: &Path) -> Self {
        Self {
            file: file.map(Path::to_path_buf),
            data_dir: data_dir.to_path_buf(),
            env: Env::of_process(),
            flags: Vec::new(),
        }
    }

    /// Finds the settings file: the one told, else `moodbridge.toml` here, else in the data folder.
    pub(crate) fn source(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| {
            [PathBuf::from(FILE_NAME), self.data_dir.join(FILE_NAME)]
                .into_iter()
                .find(|candidate| candidate.is_file())
        })
    }

    /// Loads the connector manifests, on which the form of a connection depends: those of the
    /// folder `platforms.folder`, or of `platforms` in the data folder where there is one.
    ///
    /// # Errors
    ///
    /// Every fault of every manifest, or that the named folder is not there.
    pub(crate) fn load_platforms(&self) -> Result<usize, ConfigError> {
        let form = form();
        let mut document = Document::default();
        // Faults of the rest are told by `load`.
        let _ = self.lay_file(&mut document);
        let _ = overrides::lay_environment(&mut document, &form, &self.env);
        let _ = overrides::lay_flags(&mut document, &form, &self.flags);
        match document.root().pointer("/platforms/folder").and_then(Value::as_str) {
            Some(folder) => wiring::load_named_platforms("platforms.folder", Path::new(folder)),
            None => wiring::load_platforms(&self.data_dir.join(PLATFORMS_FOLDER)),
        }
    }

    /// Reads and checks the settings; nothing is written or opened but the file itself.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    pub(crate) fn load(&self) -> Result<Loaded, ConfigError> {
        self.load_with(&Changes::default())
    }

    /// Does the same with `changes`, which hide the file and are hidden by the environment.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    pub(super) fn load_with(&self, changes: &Changes) -> Result<Loaded, ConfigError> {
        self.read_with(changes).map_err(|faults| faults.into_iter().collect())
    }

    /// Does the same, and tells the faults apart.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    pub(super) fn read_with(&self, changes: &Changes) -> Result<Loaded, Vec<Fault>> {
        let form = form();
        let mut document = Document::default();
        let mut unlaid = self.lay_file(&mut document);
        for (path, value) in &changes.values {
            let origin = Origin::Change { version: changes.version };
            unlaid.extend(document.lay(path, value.clone(), &origin).err());
        }
        unlaid.extend(overrides::lay_environment(&mut document, &form, &self.env));
        unlaid.extend(overrides::lay_flags(&mut document, &form, &self.flags));
        let mut reading: Reading<Settings> = form.read(document.root());
        let further = reading.settings.as_ref().map(Settings::faults).unwrap_or_default();
        reading.further(further);
        let located = reading.faults.into_iter().map(|it| document.located(it));
        let faults: Vec<Fault> = unlaid.into_iter().chain(located).collect();
        match reading.settings {
            Some(mut settings) if faults.is_empty() => {
                settings.data_dir.clone_from(&self.data_dir);
                Ok(Loaded { document, settings, version: changes.version })
            }
            _ => Err(faults),
        }
    }

    fn lay_file(&self, document: &mut Document) -> Vec<Fault> {
        let Some(path) = self.source() else { return Vec::new() };
        match std::fs::read_to_string(&path) {
            Ok(text) => file::lay(document, &path, &text),
            Err(error) => {
                let what = format!("{}: cannot be read: {error}", path.display());
                vec![Fault::new("", what)]
            }
        }
    }
}

impl Settings {
    /// Finds the settings file, as [`Places::source`] does.
    pub(crate) fn source(file: Option<&Path>, data_dir: &Path) -> Option<PathBuf> {
        Places::of_process(file, data_dir).source()
    }

    /// Reads and checks the settings, of the file and the environment.
    ///
    /// # Errors
    ///
    /// Every fault, each with where it is and what to write instead.
    #[cfg(test)]
    pub(crate) fn load(file: Option<&Path>, data_dir: &Path) -> Result<Self, ConfigError> {
        Places::of_process(file, data_dir).load().map(|it| it.settings)
    }
}
