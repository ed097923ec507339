//! Runs several apps in one process: routes, queues, schedules, and an orderly stop.

mod host;

pub use host::{BoundHost, LocalHost, ScheduleTriggers};
