//! What people who run the platform ask of AWS: deployments, alarms, logs, the state of buckets.

mod doctor;

pub use doctor::{BucketFinding, Buckets};
