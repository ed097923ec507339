//! What mapped objects look like over there, compared with the last look and with the mappings.

use std::fmt;

use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::Clock as _;
use shared::ports::SystemClock;
use shared::sync::{Drift, SchemaWatch, Severity};

use crate::exit::{CommandError, FAILURE, FOUND_WRONG, SUCCESS};
use crate::process::Parts;
use crate::settings::Settings;

/// What was found of every object.
#[derive(Serialize)]
pub(super) struct Drifts {
    is_accepted: bool,
    objects: Vec<ObjectLine>,
}

#[derive(Serialize)]
struct ObjectLine {
    connection: ConnectionId,
    object: ObjectName,
    findings: Vec<Drift>,
    failure: Option<String>,
}

impl Drifts {
    /// Returns how the command ends: a broken field weighs more than an object that was not told.
    pub(super) fn exit_code(&self) -> u8 {
        let is_broken = |it: &Drift| it.severity == Severity::BreaksMappedField;
        if self.objects.iter().flat_map(|it| &it.findings).any(is_broken) {
            FOUND_WRONG
        } else if self.objects.iter().any(|it| it.failure.is_some()) {
            FAILURE
        } else {
            SUCCESS
        }
    }
}

impl fmt::Display for Drifts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.objects.is_empty() {
            return f.write_str("no connection tells what its objects look like");
        }
        for (idx, line) in self.objects.iter().enumerate() {
            let ObjectLine { connection, object, findings, failure } = line;
            let end = if idx > 0 { "\n" } else { "" };
            write!(f, "{end}{:<24} ", format!("{connection}/{object}"))?;
            match failure {
                Some(failure) => write!(f, "not described: {failure}")?,
                None if findings.is_empty() => f.write_str("as it was, and as it is mapped")?,
                None => write!(f, "{} findings", findings.len())?,
            }
            findings.iter().try_for_each(|it| write!(f, "\n    {it}"))?;
        }
        if self.is_accepted {
            f.write_str("\nwhat the objects look like now is kept: later looks compare with it")?;
        }
        Ok(())
    }
}

/// Describes every mapped object; `accepts` keeps what each looks like now.
///
/// # Errors
///
/// When a part cannot be opened. An object that is not described is a line of the answer.
pub(super) async fn drift(settings: &Settings, accepts: bool) -> Result<Drifts, CommandError> {
    let parts = Parts::open(settings).await?;
    let mut objects = Vec::new();
    for opened in parts.connections(settings)? {
        let Some(schema) = &opened.schema else { continue };
        let watch = SchemaWatch {
            connection: &opened.connection,
            schema: &**schema,
            ledger: &*parts.stores.ledger,
        };
        for mapping in opened.mappings.objects() {
            let now = SystemClock.now();
            let found = match accepts {
                true => watch.accept(mapping, now).await,
                false => watch.look(mapping, now).await,
            };
            let (findings, failure) = match found {
                Ok(findings) => (findings, None),
                Err(error) => (Vec::new(), Some(shared::chain(&error).to_string())),
            };
            let (connection, object) = (opened.connection.clone(), mapping.object.clone());
            objects.push(ObjectLine { connection, object, findings, failure });
        }
    }
    Ok(Drifts { is_accepted: accepts, objects })
}
