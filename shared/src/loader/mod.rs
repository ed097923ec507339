//! Brings every change of the lake into a warehouse, each exactly once.
//!
//! Of each table there are three in the warehouse: one into which files are loaded (`CASES_STAGING`),
//! one of all changes (`CASES_CHANGES`), and one of the rows as they stand (`CASES`). How far a table
//! has come, and what is under way, is one entry of the ledger. It is saved before anything is begun
//! and before anything is waited for, so that a run that is killed or comes twice follows what the
//! other began. `docs/adr/0031-warehouse-loader.md` says why nothing is lost and nothing comes twice.

mod choose;
mod credits;
mod error;
mod quarantine;
mod run;
mod state;
mod status;
mod steps;
mod tables;

pub use credits::{CreditError, CreditPorts, Credits};
pub use error::LoadError;
pub use run::{LoadPorts, LoadSettings, LoadTally, Loader};
pub use state::{LastLoad, Plan, PlanStep, PlannedFile, TableState};
pub use status::{RejectedRow, TableStatus};
