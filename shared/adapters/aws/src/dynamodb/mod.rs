//! Small facts and claims, each a row of a `DynamoDB` table.

mod attributes;
mod idempotency;
mod ledger;

pub use idempotency::DynamoIdempotency;
pub use ledger::DynamoLedger;
