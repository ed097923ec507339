//! Keeping two systems in step.

mod audit_chain;
mod digest;
mod drift;
mod freshness;
mod mapping;
mod merge;
mod outcome;
mod remote_schema;
mod state;

pub use audit_chain::{AuditColumns, ChainWalk};
pub use digest::DigestSum;
pub use drift::{Drift, FieldChange, FieldUse, MappedFields, Severity, drift, drift_of_mapping};
pub use freshness::{Dependency, Dependents, DependsOn, OtherCause, Stale};
pub use mapping::{FieldKind, FieldMapping, InvalidField, Mappings, ObjectMapping};
pub use merge::{Authority, MergeContext, Merged, merge};
pub use remote_schema::{Fingerprint, RemoteField, RemoteKind, RemoteObject};
pub use state::{ConnectionState, ConnectionStatus, Cursor};
