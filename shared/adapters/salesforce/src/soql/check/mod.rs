//! Checks a query against what the org says of itself, before the org refuses it.

mod fault;
mod fields;
mod scope;
#[cfg(test)]
mod tests;

pub use fault::{NameFault, NameFaultKind, NameFaults};
pub use fields::{check, check_for_bulk};
