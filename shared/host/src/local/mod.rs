//! Runs several apps in one process: routes, queues, schedules, and an orderly stop.

mod acker;
mod consumer;
mod figures;
mod host;
mod lane;
mod names;
mod schedule;

pub use host::{BoundHost, LocalHost, ScheduleTriggers};
pub use names::{HostName, InvalidHostName};
