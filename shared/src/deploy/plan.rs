//! What is to be done: only what changed is deployed.

use std::collections::BTreeSet;

use serde::Serialize;

use super::note::{Note, NoteKind};
use super::packages::Package;
use crate::ports::{DeployedFunction, Digest, VersionNumber};

/// What a deployment will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Its name: a new one, or that of the interrupted deployment that it goes on with.
    pub deployment: String,
    /// Whether it goes on with an interrupted one.
    pub is_continued: bool,
    /// Each function that there is a package for, by name.
    pub functions: Vec<PlannedFunction>,
}

/// What becomes of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedFunction {
    /// Its name.
    pub function: String,
    /// The version that is called.
    pub live: VersionNumber,
    /// The digest of that version.
    pub live_digest: Option<Digest>,
    /// The digest of the package.
    pub digest: Digest,
    /// What is to be done.
    pub task: Task,
}

/// What is to be done with a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// The package is what is called already.
    Nothing,
    /// The package is new.
    Deploy {
        /// Whether the cloud holds its code as the newest already.
        is_uploaded: bool,
    },
    /// A version of it takes a part of the calls since an interrupted deployment.
    Continue {
        /// The version.
        version: VersionNumber,
        /// Its part.
        percent: u8,
    },
}

/// Why there is nothing that could be done.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The cloud has no such function.
    #[error(
        "there is no function `{function}`: make it by `terraform apply`, or leave it out by `--only`"
    )]
    NoFunction {
        /// The function.
        function: String,
    },
    /// Nothing says which version is called.
    #[error("`{function}` has no alias `live`: make it by `terraform apply`")]
    NoRoute {
        /// The function.
        function: String,
    },
    /// Another deployment is half way.
    #[error(
        "`{function}` is half way in another deployment: go on with its packages, or take it back \
         by `moodbridge deploy rollback`"
    )]
    HalfWay {
        /// The function.
        function: String,
    },
}

impl Plan {
    /// Compares `packages` with `functions`; `deployment` names a new deployment.
    ///
    /// # Errors
    ///
    /// [`PlanError`] when a function is missing, or in the hands of another deployment.
    pub fn make(
        packages: &[Package],
        functions: &[DeployedFunction],
        deployment: String,
    ) -> Result<Self, PlanError> {
        let mut planned = Vec::with_capacity(packages.len());
        let mut continued = BTreeSet::new();
        for package in packages {
            let function = package.function.clone();
            let Some(deployed) = functions.iter().find(|it| it.name == function) else {
                return Err(PlanError::NoFunction { function });
            };
            let Some(route) = &deployed.route else {
                return Err(PlanError::NoRoute { function });
            };
            let live_digest = deployed.digest_of(route.live).cloned();
            let digest = package.digest.clone();
            let task = match route.next {
                Some((version, percent)) if deployed.digest_of(version) == Some(&digest) => {
                    match Note::of(route) {
                        Some(Note { deployment, kind: NoteKind::Moved { .. } }) => {
                            continued.insert(deployment);
                            Task::Continue { version, percent }
                        }
                        _ => return Err(PlanError::HalfWay { function }),
                    }
                }
                Some(_) => return Err(PlanError::HalfWay { function }),
                None if live_digest.as_ref() == Some(&digest) => Task::Nothing,
                None => Task::Deploy { is_uploaded: deployed.newest_code == digest },
            };
            planned.push(PlannedFunction { function, live: route.live, live_digest, digest, task });
        }
        if let (Some(_), Some(second)) = (continued.first(), continued.iter().nth(1)) {
            let function = format!("a part of `{second}`");
            return Err(PlanError::HalfWay { function });
        }
        let is_continued = !continued.is_empty();
        let deployment = continued.pop_first().unwrap_or(deployment);
        Ok(Self { deployment, is_continued, functions: planned })
    }

    /// Whether everything is as it should be already.
    pub fn is_empty(&self) -> bool {
        self.functions.iter().all(|it| it.task == Task::Nothing)
    }
}
