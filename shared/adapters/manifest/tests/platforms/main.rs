//! The manifests of this build against servers that answer in the platforms' documented shapes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod clio;
mod faults;
mod github;
mod manifests;
mod support;
