//! The state of the org: tables, commits, deletes.

mod check;
mod commit;
mod error;
mod row;
mod rules;
mod state;
mod table;

pub(crate) use commit::{Author, Change, Commit, Entry, EntryKind, Outcome, WriteOptions};
pub(crate) use error::RecordError;
pub(crate) use row::{Row, Value};
pub(crate) use state::Org;
pub use state::OrgError;

pub(crate) use row::{instant_text, parse_date, parse_instant};
