//! A queue in a PostgreSQL database, which any number of processes may share.
//!
//! What is done to the tables is written as functions of the database, in
//! `migrations/queue-postgres`: one call, one commit, and no lock that outlives the call.

mod postgres_queue;
mod read;
mod rows;
mod send;
mod signals;

pub use postgres_queue::PostgresQueue;
