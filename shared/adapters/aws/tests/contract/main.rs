//! The contract of each port, at a peer that stands for AWS: `scripts/with-aws`.

mod dynamodb;
mod secrets;
mod sqs;
