//! The contract of each port, at a peer that stands for AWS: `scripts/with-aws`.

#![expect(clippy::unwrap_used, reason = "a contract suite fails by panicking")]

mod dynamodb;
mod large;
mod secrets;
mod sns;
mod sqs;
