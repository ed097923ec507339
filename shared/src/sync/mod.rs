//! Keeping two systems in step.

mod audit_chain;
mod digest;
mod mapping;
mod merge;
mod outcome;
mod state;

pub use audit_chain::{AuditColumns, ChainWalk};
pub use digest::DigestSum;
pub use mapping::{FieldKind, FieldMapping, InvalidField, Mappings, ObjectMapping};
pub use merge::{Authority, MergeContext, Merged, merge};
pub use state::{ConnectionState, ConnectionStatus, Cursor};
