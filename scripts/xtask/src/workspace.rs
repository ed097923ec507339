//! The packages of this workspace, as cargo sees them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Why a chore could not look.
#[derive(Debug)]
pub(crate) struct ChoreError(String);

impl ChoreError {
    /// Says what was tried and what came of it.
    pub(crate) fn new(tried: &str, error: impl std::fmt::Display) -> Self {
        Self(format!("{tried}: {error}"))
    }
}

impl std::fmt::Display for ChoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `cargo metadata` says of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    /// Its packages.
    pub(crate) packages: Vec<Package>,
}

/// A package of ours.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its one line.
    pub(crate) description: Option<String>,
    /// Where its manifest lies.
    pub(crate) manifest_path: PathBuf,
    /// What it uses.
    pub(crate) dependencies: Vec<Dependency>,
    /// `[package.metadata]`.
    pub(crate) metadata: Option<serde_json::Value>,
}

/// One dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The package it names.
    pub(crate) name: String,
    /// `dev` or `build`, or nothing for a normal one.
    pub(crate) kind: Option<String>,
    /// Set for a package of this workspace.
    pub(crate) path: Option<PathBuf>,
    /// The features it turns on.
    pub(crate) features: Vec<String>,
}

/// Returns the folder of the repository.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Asks cargo for the packages.
pub(crate) fn read() -> Result<Workspace, ChoreError> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .map_err(|error| ChoreError::new("run cargo metadata", error))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ChoreError::new("run cargo metadata", message));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| ChoreError::new("read cargo metadata", error))
}

/// Lists the files that git tracks or would track, relative to the root.
pub(crate) fn files() -> Result<Vec<PathBuf>, ChoreError> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .map_err(|error| ChoreError::new("run git ls-files", error))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut files: Vec<_> =
        listed.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Reads a file of the repository.
pub(crate) fn read_text(path: &Path) -> Result<String, ChoreError> {
    std::fs::read_to_string(root().join(path))
        .map_err(|error| ChoreError::new(&format!("read `{}`", path.display()), error))
}
