//! What people who run the platform ask of AWS: deployments, alarms, logs, the state of buckets.
//!
//! Region, credentials and a peer in place of AWS come from where every AWS tool reads them: `AWS_REGION`,
//! `AWS_PROFILE`, `AWS_ENDPOINT_URL`.

mod deploy;
mod doctor;
mod fault;
mod logs;

pub use deploy::{DeployPlace, LambdaTarget, LambdaUsage};
pub use doctor::{BucketFinding, Buckets};
pub use logs::{LambdaLogs, LogPlace};

/// What errors call this platform.
const PLATFORM: &str = "aws";
