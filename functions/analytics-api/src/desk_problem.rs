//! What the desk refuses, as problems.

use shared::chain;
use shared::sync::{DeskError, EditError};
use tracing::error;

use crate::problem::{Fault, Problem};

impl Problem {
    /// Says why the desk made no change.
    pub(crate) fn of_desk(failed: DeskError) -> Self {
        match failed {
            DeskError::NoRow { .. } | DeskError::NoConflict { .. } => {
                Self::not_found(failed.to_string())
            }
            DeskError::NoConnection { .. } | DeskError::TakesNoNewRows { .. } => {
                Self::not_connected(failed.to_string())
            }
            DeskError::WhichConnection { .. } => {
                Self::unprocessable(vec![Fault::new("connection", failed.to_string())])
            }
            DeskError::Merged { .. } => Self::conflict(failed.to_string(), Vec::new()),
            DeskError::ChangedMeanwhile => Self::changed_meanwhile(failed.to_string()),
            DeskError::Edit(refused) => Self::of_edit(&refused),
            DeskError::Store(failed) => Self::of_port(failed),
        }
    }

    fn of_edit(refused: &EditError) -> Self {
        if let Some(problem) = Self::of_edits(std::slice::from_ref(refused)) {
            return problem;
        }
        if matches!(refused, EditError::Unmapped { .. }) {
            error!(error = %chain(refused), "a row does not fit its mapping");
            return Self::internal();
        }
        Self::conflict(refused.to_string(), Vec::new())
    }

    /// Names each field that was refused; `None` when none was for itself.
    pub(crate) fn of_edits(refused: &[EditError]) -> Option<Self> {
        let faults: Vec<_> = refused.iter().filter_map(fault_of).collect();
        (!faults.is_empty()).then(|| Self::unprocessable(faults))
    }
}

/// Names the field that `refused` is about, with its fix.
pub(crate) fn fault_of(refused: &EditError) -> Option<Fault> {
    match refused {
        EditError::UnknownField { field, .. }
        | EditError::ReadOnly { field, .. }
        | EditError::Invalid { field, .. }
        | EditError::TooLong { field, .. }
        | EditError::UnknownReference { field } => {
            Some(Fault::new(field.as_str(), refused.to_string()))
        }
        EditError::Deleted
        | EditError::NotDeleted
        | EditError::DeletesStayThere { .. }
        | EditError::Unmapped { .. } => None,
    }
}
