//! Settings, read once at start.

mod env;
mod fault;
mod nearest;
mod span;

pub use env::Env;
pub use fault::{ConfigError, Fault};
pub use nearest::nearest;
pub use span::{InvalidDuration, Span, parse_duration};
