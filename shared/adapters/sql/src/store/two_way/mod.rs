//! What rows that travel both ways need: the marks of writes, the outbox, conflicts, comparisons,
//! walks along all records.
//!
//! Both engines take the same statements here, so each is written once; the macros only name the
//! types of an engine.

mod conflicts;
mod marks;
mod outbox;
mod reconciliations;
mod scan;

pub(super) use marks::{postgres as postgres_marks, sqlite as sqlite_marks};
pub(super) use outbox::{
    OutboxAnswer, OutboxJob, postgres as postgres_outbox, sqlite as sqlite_outbox,
};
pub(super) use reconciliations::{
    postgres as postgres_reconciliations, sqlite as sqlite_reconciliations,
};
