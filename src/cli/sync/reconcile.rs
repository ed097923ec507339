//! Compares both sides now.

use std::fmt;

use reconciler::ComparedObject;
use serde::Serialize;
use shared::ids::{ConnectionId, ObjectName};
use shared::ports::{Difference, ReconcileOutcome, Reconciliation};
use shared::sync::ReconcileSettings;

use crate::exit::CommandError;
use crate::process::Parts;
use crate::settings::Settings;

/// What was found of every object.
#[derive(Serialize)]
pub(super) struct Compared {
    objects: Vec<ObjectLine>,
}

#[derive(Serialize)]
struct ObjectLine {
    connection: ConnectionId,
    object: ObjectName,
    #[serde(flatten)]
    run: Option<Reconciliation>,
    accuracy: Option<f64>,
    failure: Option<String>,
}

impl Compared {
    /// Tells whether both sides hold the same now.
    pub(super) fn is_well(&self) -> bool {
        let is_well = |it: &Reconciliation| {
            matches!(it.outcome, ReconcileOutcome::Equal | ReconcileOutcome::Repaired)
        };
        self.objects.iter().all(|it| it.run.as_ref().is_some_and(is_well))
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.objects.is_empty() {
            return f.write_str("nothing can be compared: no connection reads objects as a whole");
        }
        for (idx, line) in self.objects.iter().enumerate() {
            if idx > 0 {
                writeln!(f)?;
            }
            write!(f, "{:<24} ", format!("{}/{}", line.connection, line.object))?;
            let Some(run) = &line.run else {
                write!(f, "not compared: {}", line.failure.as_deref().unwrap_or("unknown"))?;
                continue;
            };
            let Reconciliation { outcome, n_here, n_there, n_differ, n_repaired, .. } = run;
            write!(
                f,
                "{}: {n_here} here, {n_there} there, {n_differ} differ, {n_repaired} put right \
                 (accuracy {:.4} %)",
                outcome.as_str(),
                run.accuracy() * 100.0
            )?;
            if let Some(error) = &run.error {
                write!(f, "\n    {error}")?;
            }
            for Difference { record_id, kind, fields } in &run.samples {
                write!(f, "\n    {record_id}  {kind:?}  {}", fields.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Compares every object, or only `object`.
///
/// # Errors
///
/// When a part cannot be opened.
pub(super) async fn reconcile(
    settings: &Settings,
    object: Option<&ObjectName>,
    repairs: bool,
) -> Result<Compared, CommandError> {
    let parts = Parts::open(settings).await?;
    let connections = parts.connections(settings)?;
    let runs = parts
        .comparisons(&connections, ReconcileSettings { repairs, ..ReconcileSettings::default() });
    let line = |(connection, object, result): ComparedObject| {
        let (run, failure) = match result {
            Ok(run) => (Some(run), None),
            Err(failure) => (None, Some(failure.to_string())),
        };
        let accuracy = run.as_ref().map(Reconciliation::accuracy);
        ObjectLine { connection, object, run, accuracy, failure }
    };
    let objects = runs.compare(object).await.into_iter().map(line).collect();
    let costs = parts.cost_keeper(settings);
    let written = host::Flush::flush(&costs).await;
    written.map_err(|error| CommandError::failed("write what it cost", error))?;
    Ok(Compared { objects })
}
