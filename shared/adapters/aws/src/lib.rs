//! AWS behind the ports: queues on SQS, topics on SNS, cursors and claims in `DynamoDB`, secrets in Secrets Manager.
//!
//! Region, credentials and a peer in place of AWS come from where every AWS tool reads them: `AWS_REGION`,
//! the role of the function, `AWS_ENDPOINT_URL`.

mod account;
mod dynamodb;
mod fault;
mod guard;
mod secrets;
mod sns;
mod sqs;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use account::Account;
pub use dynamodb::{DynamoIdempotency, DynamoLedger};
pub use guard::CallGuard;
pub use secrets::SecretsManager;
pub use sns::SnsTopic;
pub use sqs::{QueueAddress, SqsQueue};

/// What errors call this platform.
const PLATFORM: &str = "aws";
