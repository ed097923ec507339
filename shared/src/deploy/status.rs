//! Where every function stands.

use serde::Serialize;

use super::note::{Note, NoteKind};
use crate::error::PortError;
use crate::ports::{DeployTarget, DeployedFunction, Digest, VersionNumber};

/// How a deployment stands in the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The deployment that is half way: under way on some machine, or interrupted.
    pub half_way: Option<String>,
    /// Each function by name.
    pub functions: Vec<FunctionStatus>,
    /// The alarms that sound.
    pub raised_alarms: Vec<String>,
}

/// How one function stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionStatus {
    /// Its name.
    pub function: String,
    /// The version that is called.
    pub live: Option<VersionNumber>,
    /// The digest of that version.
    pub live_digest: Option<Digest>,
    /// The version that takes a part of the calls.
    pub next: Option<VersionNumber>,
    /// Its part.
    pub percent: Option<u8>,
    /// The newest version.
    pub newest: Option<VersionNumber>,
    /// The deployment that moved it last.
    pub deployment: Option<String>,
    /// The version that a rollback would call.
    pub before: Option<VersionNumber>,
    /// The version that was taken back.
    pub taken_back: Option<VersionNumber>,
}

/// Reads how `target` stands.
///
/// # Errors
///
/// As the platform answers.
pub async fn status(target: &dyn DeployTarget) -> Result<Status, PortError> {
    let functions: Vec<_> = target.functions().await?.iter().map(of_function).collect();
    let alarms = target.alarms().await?;
    let half_way = functions.iter().filter(|it| it.next.is_some());
    let half_way = half_way.map(|it| it.deployment.clone().unwrap_or_else(|| "by hand".to_owned()));
    Ok(Status {
        half_way: half_way.max(),
        functions,
        raised_alarms: alarms.into_iter().filter(|it| it.is_raised).map(|it| it.name).collect(),
    })
}

fn of_function(function: &DeployedFunction) -> FunctionStatus {
    let route = function.route.as_ref();
    let live = route.map(|it| it.live);
    let next = route.and_then(|it| it.next);
    let note = route.and_then(Note::of);
    let kind = note.as_ref().map(|it| it.kind);
    FunctionStatus {
        function: function.name.clone(),
        live,
        live_digest: live.and_then(|it| function.digest_of(it)).cloned(),
        next: next.map(|(version, _)| version),
        percent: next.map(|(_, percent)| percent),
        newest: function.newest_version(),
        before: match kind {
            Some(NoteKind::Moved { before }) => Some(before),
            _ => None,
        },
        taken_back: match kind {
            Some(NoteKind::TakenBack { from }) => Some(from),
            _ => None,
        },
        deployment: note.map(|it| it.deployment),
    }
}
