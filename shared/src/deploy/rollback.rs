//! Takes a deployment back, whoever made it.

use serde::Serialize;

use super::note::{Note, NoteKind};
use super::progress::Progress;
use crate::error::{PortError, chain};
use crate::ports::{DeployTarget, DeployedFunction, NewRoute, Route, VersionNumber};

/// How often what could not be taken back is tried again, its state read anew.
const N_ROUNDS: u32 = 3;

/// What is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undo {
    /// The newest deployment, whole.
    Newest,
    /// One function.
    Function {
        /// Its name.
        function: String,
        /// The version to call; the one before its deployment when none is named.
        to: Option<VersionNumber>,
    },
}

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TakenBack {
    /// The deployment; none when a function was moved that no deployment had moved.
    pub deployment: Option<String>,
    /// Each function with the version that is called again.
    pub functions: Vec<(String, VersionNumber)>,
    /// What could not be taken back, each with its reason.
    pub left: Vec<String>,
}

/// Why nothing can be taken back.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is no such function.
    #[error("there is no function `{function}`: `moodbridge deploy status` lists them")]
    NoFunction {
        /// The function.
        function: String,
    },
    /// It has no such version.
    #[error("`{function}` has no version {version}; it has {known}")]
    NoVersion {
        /// The function.
        function: String,
        /// The version.
        version: VersionNumber,
        /// Those that there are.
        known: String,
    },
    /// Nothing says where it stood.
    #[error(
        "nothing says which version of `{function}` was called before: name one by `--to`; it has \
         {known}"
    )]
    NotDeployed {
        /// The function.
        function: String,
        /// Its versions.
        known: String,
    },
    /// The newest deployment was taken back already, or there is none.
    #[error("there is no deployment to take back")]
    Nothing,
    /// The cloud did not answer.
    #[error("the functions could not be read")]
    Platform(#[source] PortError),
    /// The cloud did not move it.
    #[error("`{function}` could not be moved")]
    NotMoved {
        /// The function.
        function: String,
        /// Why not.
        source: PortError,
    },
}

/// Takes back what `undo` names.
///
/// # Errors
///
/// [`RollbackError`] when nothing was moved. What was moved only in part is told in
/// [`TakenBack::left`].
pub async fn roll_back(
    target: &dyn DeployTarget,
    undo: &Undo,
    new_deployment: &str,
    tell: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<TakenBack, RollbackError> {
    let functions = target.functions().await.map_err(RollbackError::Platform)?;
    match undo {
        Undo::Newest => {
            let deployment = newest(&functions).ok_or(RollbackError::Nothing)?;
            take_back(target, &deployment, None, tell).await.map_err(RollbackError::Platform)
        }
        Undo::Function { function, to } => {
            let found = functions.iter().find(|it| it.name == *function);
            let missing = || RollbackError::NoFunction { function: function.clone() };
            let found = found.ok_or_else(missing)?;
            match to {
                Some(version) => move_to(target, found, *version, new_deployment, tell).await,
                None => {
                    let note = found.route.as_ref().and_then(Note::of);
                    match note {
                        Some(Note { deployment, kind: NoteKind::Moved { .. } }) => {
                            let taken = take_back(target, &deployment, Some(function), tell).await;
                            taken.map_err(RollbackError::Platform)
                        }
                        _ => Err(RollbackError::NotDeployed {
                            function: function.clone(),
                            known: known(found),
                        }),
                    }
                }
            }
        }
    }
}

/// Returns the newest deployment, unless it was taken back.
fn newest(functions: &[DeployedFunction]) -> Option<String> {
    let notes = || functions.iter().filter_map(|it| Note::of(it.route.as_ref()?));
    let newest = notes().map(|it| it.deployment).max()?;
    let is_standing =
        |it: Note| it.deployment == newest && matches!(it.kind, NoteKind::Moved { .. });
    notes().any(is_standing).then_some(newest)
}

fn known(function: &DeployedFunction) -> String {
    let known: Vec<_> = function.versions.iter().map(|it| it.number.to_string()).collect();
    known.join(", ")
}

async fn move_to(
    target: &dyn DeployTarget,
    found: &DeployedFunction,
    version: VersionNumber,
    new_deployment: &str,
    tell: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<TakenBack, RollbackError> {
    let function = found.name.clone();
    if found.digest_of(version).is_none() {
        return Err(RollbackError::NoVersion { function, version, known: known(found) });
    }
    let Some(route) = &found.route else {
        return Err(RollbackError::NotDeployed { function, known: known(found) });
    };
    let note = Note::of(route);
    let deployment = note.map_or_else(|| new_deployment.to_owned(), |it| it.deployment);
    let from = route.next.map_or(route.live, |(version, _)| version);
    let kind = NoteKind::TakenBack { from };
    let note = Note { deployment: deployment.clone(), kind }.to_string();
    let wanted = NewRoute { live: version, next: None, note };
    let moved = target.route(&function, &wanted, &route.revision).await;
    moved.map_err(|source| RollbackError::NotMoved { function: function.clone(), source })?;
    tell(&Progress::TakenBack { function: function.clone(), version });
    let functions = vec![(function, version)];
    Ok(TakenBack { deployment: Some(deployment), functions, left: Vec::new() })
}

/// Puts every route that `deployment` moved back to where it stood; only that of `only`, when it
/// names one. What somebody else has moved since is left alone.
pub(super) async fn take_back(
    target: &dyn DeployTarget,
    deployment: &str,
    only: Option<&str>,
    tell: &(dyn Fn(&Progress) + Send + Sync),
) -> Result<TakenBack, PortError> {
    let mut taken = TakenBack { deployment: Some(deployment.to_owned()), ..TakenBack::default() };
    for _ in 0..N_ROUNDS {
        taken.left.clear();
        let functions = match target.functions().await {
            Ok(functions) => functions,
            Err(error) if taken.functions.is_empty() => return Err(error),
            Err(error) => {
                taken.left.push(chain(&error).to_string());
                continue;
            }
        };
        let concerned = functions.iter().filter(|it| only.is_none_or(|only| it.name == only));
        for function in concerned {
            let Some(route) = &function.route else { continue };
            let Some(wanted) = back(route, deployment) else { continue };
            match target.route(&function.name, &wanted, &route.revision).await {
                Ok(_) => {
                    let (function, version) = (function.name.clone(), wanted.live);
                    tell(&Progress::TakenBack { function: function.clone(), version });
                    taken.functions.push((function, version));
                }
                Err(error) => taken.left.push(format!("`{}`: {}", function.name, chain(&error))),
            }
        }
        if taken.left.is_empty() {
            break;
        }
    }
    Ok(taken)
}

/// Where `route` stood before `deployment`, if that deployment moved it last.
fn back(route: &Route, deployment: &str) -> Option<NewRoute> {
    let note = Note::of(route).filter(|it| it.deployment == deployment)?;
    let NoteKind::Moved { before } = note.kind else { return None };
    let from = route.next.map_or(route.live, |(version, _)| version);
    let kind = NoteKind::TakenBack { from };
    let note = Note { deployment: deployment.to_owned(), kind }.to_string();
    Some(NewRoute { live: before, next: None, note })
}
