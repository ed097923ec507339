//! From a function's source to its binary.

use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

use super::{Arch, Order};
use crate::workspace::{self, ChoreError};

/// The profile of packages.
pub(super) const PROFILE: &str = "cloud";
/// Features that have no place on AWS: another cloud, and an engine that needs a disk of its own.
const OF_OTHER_PLACES: [&str; 2] = ["azure", "sqlite"];

/// A function, and the features that a package of it has.
#[derive(Debug)]
pub(super) struct Buildable {
    pub(super) name: String,
    pub(super) features: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Manifest>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    name: String,
    manifest_path: PathBuf,
    features: std::collections::BTreeMap<String, Vec<String>>,
}

fn metadata() -> Result<Metadata, ChoreError> {
    let tried = "run cargo metadata";
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(workspace::root())
        .output()
        .map_err(|error| ChoreError::new(tried, error))?;
    serde_json::from_slice(&output.stdout).map_err(|error| ChoreError::new(tried, error))
}

/// Lists the functions by name.
pub(super) fn functions() -> Result<Vec<Buildable>, ChoreError> {
    let is_function = |it: &Manifest| {
        let folder = it.manifest_path.parent().and_then(std::path::Path::parent);
        folder.is_some_and(|folder| folder.ends_with("functions"))
    };
    let buildable = |mut it: Manifest| {
        let features = it.features.remove("default").unwrap_or_default();
        let is_ours = |it: &String| !OF_OTHER_PLACES.contains(&it.as_str());
        Buildable { name: it.name, features: features.into_iter().filter(is_ours).collect() }
    };
    let mut functions: Vec<_> =
        metadata()?.packages.into_iter().filter(is_function).map(buildable).collect();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(functions)
}

/// Builds the binaries, one after the other: each has its own features.
pub(super) fn build(order: &Order, functions: &[Buildable]) -> Result<(), ChoreError> {
    for function in functions {
        let mut command = Command::new(env!("CARGO"));
        match order.arch {
            Arch::Native => command.arg("build"),
            Arch::Arm64 => command.args(["lambda", "build", "--arm64"]),
            Arch::X86_64 => command.args(["lambda", "build", "--x86-64"]),
        };
        let tried = format!("build `{}` for {}", function.name, order.arch.name());
        let features = function.features.join(",");
        let status = command
            .args(["--locked", "--package", &function.name, "--bin", &function.name])
            .args(["--profile", &order.profile, "--no-default-features", "--features", &features])
            .current_dir(workspace::root())
            .status()
            .map_err(|error| ChoreError::new(&tried, error))?;
        if !status.success() {
            let hint = match order.arch {
                Arch::Native => "see above",
                _ => {
                    "see above; `cargo lambda` and zig are needed: `scripts/setup test` installs \
                      them, and `scripts/package` puts them on the path"
                }
            };
            return Err(ChoreError::new(&tried, hint));
        }
    }
    Ok(())
}

/// Reads a binary, without the names of its functions.
pub(super) fn binary(order: &Order, name: &str) -> Result<Vec<u8>, ChoreError> {
    let target = metadata()?.target_directory;
    let profile = if order.profile == "dev" { "debug" } else { &order.profile };
    let path = match order.arch {
        Arch::Native => target.join(profile).join(name),
        Arch::Arm64 | Arch::X86_64 => target.join("lambda").join(name).join("bootstrap"),
    };
    let tried = format!("read `{}`", path.display());
    let is_stripped = order.profile == PROFILE || order.arch == Arch::Arm64;
    if is_stripped {
        return std::fs::read(&path).map_err(|error| ChoreError::new(&tried, error));
    }
    let stripped = path.with_extension("stripped");
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(&path).status();
    match strip {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(ChoreError::new("strip a binary", status)),
        Err(error) => return Err(ChoreError::new("run `strip`", error)),
    }
    let bytes = std::fs::read(&stripped).map_err(|error| ChoreError::new(&tried, error))?;
    std::fs::remove_file(&stripped).map_err(|error| ChoreError::new(&tried, error))?;
    Ok(bytes)
}
