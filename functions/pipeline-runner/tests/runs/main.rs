//! Runs of pipelines as a whole: over folders, a queue and a journal; killed, doubled, put right.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod clock;
mod fragile;
mod kills;
mod orders;
mod rig;
mod time;
