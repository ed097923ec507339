//! Keeping two systems in step.

mod audit_chain;
mod audit_export;
mod desk;
mod digest;
mod drift;
mod field_columns;
mod freshness;
mod guard;
mod inbound;
mod load;
mod local;
mod mapping;
mod merge;
mod names;
mod outcome;
mod plan;
mod reconcile;
mod relay;
mod remote_schema;
mod replay;
mod rulings;
mod schema_watch;
mod settle;
mod state;
#[cfg(any(test, feature = "testkit"))]
pub mod testing;
#[cfg(test)]
mod two_way_tests;
#[cfg(test)]
mod whole_org;

pub use audit_chain::{AuditColumns, ChainWalk};
pub use audit_export::{AuditExportEnd, AuditExportError, export_audit, verify_audit_export};
pub use desk::{Author, Changed, Desk, DeskError, FieldStanding, RowStanding, Stand};
pub use digest::DigestSum;
pub use drift::{Drift, FieldChange, FieldUse, MappedFields, Severity, drift, drift_of_mapping};
pub use field_columns::{field_columns, publish_fields};
pub use freshness::{Dependency, Dependents, DependsOn, OtherCause, Stale};
pub use guard::{DeleteGuard, GuardVerdict};
pub use inbound::{Absorbed, Inbound, work_for};
pub use load::{Aside, LoadNote, LoadOrder, LoadProgress, Loaded, Loader};
pub use local::{EditError, LocalChange, References, Verdict, edit, resolve};
pub use mapping::{
    CUSTOM_PREFIX, ConflictPolicy, Conversion, DeleteRules, Direction, FieldKind, FieldMapping,
    Filter, InvalidField, MappingFault, Mappings, Mask, ObjectMapping, ObjectRules, Side, Step,
    Suggestion, Test, Unconvertible, read_mapping,
};
pub use merge::{Authority, MergeContext, Merged, merge};
pub use outcome::Cause;
pub use plan::{PlannedField, PlannedWrite, Planner};
pub use reconcile::{ReconcileSettings, Reconciler};
pub use relay::{BatchSize, Relay, RelayPorts, RelayRemote, RelaySettings, RelayTally};
pub use remote_schema::{Fingerprint, RemoteField, RemoteKind, RemoteObject};
pub use replay::Replay;
pub use schema_watch::{SchemaFinding, SchemaNote, SchemaWatch};
pub use settle::{Sent, depart, settle, stay};
pub use state::{ConnectionState, ConnectionStatus, Cursor};
