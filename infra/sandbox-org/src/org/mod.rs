//! The state of the org: tables, commits, deletes.

mod alter;
mod check;
mod commit;
mod deleted;
mod error;
mod integrity;
mod locks;
mod merge;
mod policy;
mod precondition;
mod remove;
mod row;
mod rules;
mod state;
mod table;
mod write;

pub use policy::{DuplicateRule, Policy, ValidationRule};

pub(crate) use commit::{Author, Change, Commit, Entry, EntryKind, Outcome, Settled, WriteOptions};
pub(crate) use deleted::KEPT_SECONDS;
pub(crate) use error::RecordError;
pub(crate) use locks::LockOrder;
pub(crate) use precondition::{Precondition, etag};
pub(crate) use row::{Row, Value};
pub(crate) use state::Org;
pub use state::OrgError;

pub(crate) use row::{instant_text, parse_date, parse_instant};
