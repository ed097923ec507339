//! The platforms of this process: compiled ones, the manifests of this build, and those that were
//! loaded at start.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use adapter_manifest::{BUILT_IN, ManifestIntegration, load};
use shared::config::{ConfigError, Env};
use shared::platform::{PlatformIntegration, PlatformSource};

/// Loaded once, before any connection is read; a setting's form cannot be handed them.
static LOADED: RwLock<Vec<Arc<dyn PlatformIntegration>>> = RwLock::new(Vec::new());

/// Lists every platform by its id: compiled, built-in and loaded.
pub fn platforms() -> Vec<Arc<dyn PlatformIntegration>> {
    let mut platforms = own_platforms();
    platforms.extend(LOADED.read().unwrap_or_else(PoisonError::into_inner).iter().cloned());
    platforms.sort_by_key(|it| it.id());
    platforms
}

/// Returns the platform `id`.
pub fn platform(id: &str) -> Option<Arc<dyn PlatformIntegration>> {
    platforms().into_iter().find(|it| it.id() == id)
}

fn own_platforms() -> Vec<Arc<dyn PlatformIntegration>> {
    let mut platforms: Vec<Arc<dyn PlatformIntegration>> =
        vec![Arc::new(adapter_salesforce::SalesforceIntegration)];
    // A test holds the manifests of this build to their rules.
    let manifests = load(BUILT_IN).unwrap_or_default();
    platforms.extend(manifests.into_iter().filter_map(|manifest| {
        let made = ManifestIntegration::new(manifest, PlatformSource::BuiltInManifest);
        Some(Arc::new(made.ok()?) as Arc<dyn PlatformIntegration>)
    }));
    platforms
}

/// Returns the JSON Schema of connector manifests, for editors.
pub fn manifest_schema() -> serde_json::Value {
    adapter_manifest::schema()
}

/// Loads every `*.yaml` of `folder`; none when there is no such folder. What was loaded before is
/// forgotten.
///
/// # Errors
///
/// Every fault of every file, with its line and its way out; then nothing is loaded.
pub fn load_platforms(folder: &Path) -> Result<usize, ConfigError> {
    let files = read_folder(folder)?;
    let pairs = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let manifests = load(pairs).map_err(|error| {
        ConfigError::new(error.faults().iter().map(ToString::to_string).collect())
    })?;
    let own = own_platforms();
    let mut faults = Vec::new();
    let mut loaded: Vec<Arc<dyn PlatformIntegration>> = Vec::with_capacity(manifests.len());
    for manifest in manifests {
        if own.iter().any(|it| it.id() == manifest.id()) {
            faults.push(format!(
                "{}: `{}` is a platform of this build: choose another `id`",
                folder.display(),
                manifest.id()
            ));
            continue;
        }
        match ManifestIntegration::new(manifest, PlatformSource::LoadedManifest) {
            Ok(made) => loaded.push(Arc::new(made)),
            Err(error) => faults.push(error.to_string()),
        }
    }
    if !faults.is_empty() {
        return Err(ConfigError::new(faults));
    }
    let n_loaded = loaded.len();
    *LOADED.write().unwrap_or_else(PoisonError::into_inner) = loaded;
    Ok(n_loaded)
}

/// Does the same for the folder that `setting` names, which must be there.
///
/// # Errors
///
/// Also when there is no such folder.
pub fn load_named_platforms(setting: &str, folder: &Path) -> Result<usize, ConfigError> {
    if !folder.is_dir() {
        let fault = format!(
            "{setting}: `{}` is no folder: make it, or correct the setting",
            folder.display()
        );
        return Err(ConfigError::new(vec![fault]));
    }
    load_platforms(folder)
}

/// Loads the manifests of the folder that `PLATFORMS_FOLDER` names, if it names one; notes each
/// fault. Connections are read after this, as their form depends on it.
pub fn read_platforms(env: &mut Env) {
    const NAME: &str = "PLATFORMS_FOLDER";
    let Some(folder) = env.get(NAME).map(PathBuf::from) else { return };
    if let Err(error) = load_named_platforms(NAME, &folder) {
        for fault in error.faults() {
            env.fault(fault.clone());
        }
    }
}

fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let fault = |path: &Path, error: &std::io::Error| {
        ConfigError::new(vec![format!("{}: cannot be read: {error}", path.display())])
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fault(folder, &error)),
    };
    let is_manifest =
        |path: &PathBuf| path.extension().is_some_and(|it| it == "yaml" || it == "yml");
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|it| Some(it.ok()?.path())).filter(is_manifest).collect();
    paths.sort();
    let read = |path: PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path.display().to_string(), text)),
        Err(error) => Err(fault(&path, &error)),
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_of_this_build_are_all_there() {
        let ids: Vec<_> = own_platforms().iter().map(|it| it.id()).collect();
        assert_eq!(ids, ["salesforce", "clio", "github-issues"]);
    }

    #[test]
    fn folder_that_a_setting_names_must_be_there() {
        let mut env = Env::from_pairs([("PLATFORMS_FOLDER", "no-such-folder")]);
        read_platforms(&mut env);
        let error = env.finish(Some(())).unwrap_err().to_string();
        assert!(error.contains("PLATFORMS_FOLDER: `no-such-folder` is no folder"), "{error}");
        let mut env = Env::default();
        read_platforms(&mut env);
        assert!(env.finish(Some(())).is_ok());
    }

    #[test]
    fn folder_that_is_not_there_holds_nothing() {
        assert_eq!(read_folder(Path::new("no-such-folder")).unwrap(), []);
    }
}
