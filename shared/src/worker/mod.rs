//! How work is run: one message at a time for the handler, batches and groups for the host.

mod batch;
mod failure;
mod handler;
mod retry;

pub use batch::{BatchReport, run_batch};
pub use failure::Failure;
pub use handler::{Message, MessageHandler, ScheduleHandler, Tick};
pub use retry::Backoff;
