//! Keeping two systems in step.

mod state;

pub use state::{ConnectionState, ConnectionStatus, Cursor};
