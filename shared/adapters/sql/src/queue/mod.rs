//! Queues: in an SQLite file, or in a PostgreSQL database.

mod bulk;
mod dedupe;
mod postgres;
mod read;
mod receive;
mod send;
mod settle;
mod sqlite_queue;
mod wake;
mod write;

pub use postgres::PostgresQueue;
pub use sqlite_queue::{QueueOptions, SqliteQueue};

#[cfg(test)]
mod model_tests;
