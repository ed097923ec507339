//! Change data capture: what commits mean as events, and the log they are kept in.
//!
//! [`EventLog::append`] turns a commit into events with replay ids, in the order of commits. Whoever
//! delivers events, by whatever protocol, reads the same log from a replay id on: [`EventLog::open`].

mod build;
mod diff;
mod event;
mod json;
mod layout;
mod log;

pub(crate) use event::{ChangeEvent, ChangeKind, Records};
pub(crate) use json::{enrich, payload, relayed};
pub(crate) use layout::{is_left_out, place};
pub(crate) use log::{EventLog, EventReader, ReplayFrom};

#[cfg(test)]
mod tests;
