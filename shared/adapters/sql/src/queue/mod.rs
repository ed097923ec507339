//! A queue in an SQLite file, which several processes may share.

mod bulk;
mod dedupe;
mod read;
mod receive;
mod send;
mod settle;
mod sqlite_queue;
mod wake;
mod write;

pub use sqlite_queue::{QueueOptions, SqliteQueue};

#[cfg(test)]
mod model_tests;
