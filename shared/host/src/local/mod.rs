//! Runs several apps in one process: routes, queues, schedules, services, and an orderly stop.

mod acker;
mod consumer;
mod figures;
mod host;
mod lane;
mod names;
mod schedule;
mod service;

pub use host::{BoundHost, LocalHost, ScheduleTriggers};
pub use names::{HostName, InvalidHostName};
