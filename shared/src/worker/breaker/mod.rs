//! Breakers that many processes share: one that opens in one process is seen by the others.
//!
//! The ledger keeps one entry a breaker, `breaker/<platform>/<host>/<operation>`, and is written at
//! transitions only. See ADR 0011.

mod board;
mod guard;
mod state;
#[cfg(test)]
mod tests;

pub use board::{BreakerBoard, Probe, Seen};
pub use guard::{Breaker, BreakerSettings, Change, Permit};
pub use state::{BreakerName, BreakerPhase, BreakerState, list};
