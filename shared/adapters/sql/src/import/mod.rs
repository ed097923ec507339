//! Reads the database of an existing MoodBridge, and takes its matter into a case store.
//!
//! The file is read only, in one snapshot, row by row. What stands in the store afterwards is read
//! back and compared with what was read. The page `docs/import.md` tells the rules.

mod case;
mod date;
mod error;
mod exhibit;
mod file;
mod items;
mod layout;
mod report;
mod row;
mod run;

pub use error::ImportError;
pub use file::MatterFile;
pub use report::{CaseOutcome, FileReport, LeftOut, Problem, ProblemKind, TableReport};
pub use run::{ImportOptions, ImportStores, check_file, import_file};

#[cfg(test)]
mod tests;
