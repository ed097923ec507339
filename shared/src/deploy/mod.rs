//! New code, step by step: what changed is published, checks itself, takes more and more of the
//! calls while alarms are watched, and is taken back when something goes wrong.
//!
//! Nothing is remembered on the machine that deploys. The note beside each route names the
//! deployment and the version before, so that anybody can go on with it or take it back.

mod note;
mod pace;
mod packages;
mod plan;
mod progress;
mod rollback;
mod run;
mod status;
#[cfg(test)]
mod tests;

pub use note::{Note, NoteKind};
pub use pace::{InvalidPace, Pace};
pub use packages::{Package, PackageError, PackageList};
pub use plan::{Plan, PlanError, PlannedFunction, Task};
pub use progress::{Line, Outcome, Progress, Report};
pub use rollback::{RollbackError, TakenBack, Undo, roll_back};
pub use run::{DeployError, Deployer};
pub use status::{FunctionStatus, Status, status};
