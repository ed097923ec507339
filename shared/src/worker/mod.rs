//! How work is run: one message at a time for the handler, batches and groups for the host, and
//! what many processes must agree on when they call the same platform.

mod batch;
pub mod breaker;
mod failure;
mod handler;
pub mod quota;
mod retry;
mod upload;

pub use batch::{BatchReport, run_batch, run_batch_while};
pub use failure::Failure;
pub use handler::{Message, MessageHandler, ScheduleHandler, Service, Stop, Tick};
pub use retry::Backoff;
pub use upload::{UploadJournal, upload};
