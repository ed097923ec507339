//! What is wrong with a manifest: where, what, and what to write instead.

use std::fmt;

use crate::tree::Node;

/// One fault of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestFault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The path to the value, such as `streams.Matter.paging.at`; empty for the whole file.
    pub path: String,
    /// What is wrong, and what to write instead.
    pub text: String,
}

impl fmt::Display for ManifestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, path, text } = self;
        write!(f, "{file}")?;
        if *line > 0 {
            write!(f, ":{line}")?;
        }
        if !path.is_empty() {
            write!(f, ": {path}")?;
        }
        write!(f, ": {text}")
    }
}

/// Manifests that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} faults in connector manifests", faults.len())]
pub struct InvalidManifests {
    faults: Vec<ManifestFault>,
}

impl InvalidManifests {
    /// Reports `faults`.
    pub(crate) fn new(faults: Vec<ManifestFault>) -> Self {
        Self { faults }
    }

    /// Returns every fault, in the order of files and lines.
    pub fn faults(&self) -> &[ManifestFault] {
        &self.faults
    }
}

/// Gathers the faults of one file.
pub(crate) struct Faults<'a> {
    file: &'a str,
    list: Vec<ManifestFault>,
}

impl<'a> Faults<'a> {
    pub(crate) fn of(file: &'a str) -> Self {
        Self { file, list: Vec::new() }
    }

    pub(crate) fn add(&mut self, line: u64, path: &str, text: impl Into<String>) {
        let (file, path) = (self.file.to_owned(), path.to_owned());
        self.list.push(ManifestFault { file, line, path, text: text.into() });
    }

    /// Notes a fault of the value at `path` in `tree`.
    pub(crate) fn at(&mut self, tree: &Node, path: &[&str], text: impl Into<String>) {
        self.add(tree.line_of(path), &path.join("."), text);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn into_list(mut self) -> Vec<ManifestFault> {
        self.list.sort_by_key(|it| it.line);
        self.list
    }
}
