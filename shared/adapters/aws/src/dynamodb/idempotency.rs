//! Claims of work.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{ClaimRequest, Claimed, Clock, IdempotencyStore};
use shared::time::Timestamp;

use super::attributes::{Item, number, number_of, text, text_of};
use crate::account::Account;
use crate::fault::Call;

const IN_PROGRESS: &str = "INPROGRESS";
const COMPLETED: &str = "COMPLETED";

/// Who may take a row: nobody has it, its time is over, its owner's lease is over, or it is ours
/// already and only the answer was lost. `DynamoDB` removes expired rows days later, so the time is
/// compared each time.
const FREE: &str = "attribute_not_exists(id) OR expiration <= :now \
                    OR (#status = :in_progress AND in_progress_expiration <= :now_ms) \
                    OR (#status = :in_progress AND #owner = :owner AND validation = :validation)";

/// Claims in a table with the partition key `id`, a text, and the time to live in `expiration`.
///
/// The attributes are those of AWS Lambda Powertools, so that functions in other languages may share
/// the table, and `owner` beside them: without it a function that ran out of time would overwrite the
/// record of its successor.
pub struct DynamoIdempotency {
    client: Client,
    table: String,
    clock: Arc<dyn Clock>,
}

impl DynamoIdempotency {
    /// Keeps claims in `table` of `account`. Nothing is called yet.
    pub fn new(account: &Account, table: impl Into<String>, clock: Arc<dyn Clock>) -> Self {
        Self { client: Client::new(account.config()), table: table.into(), clock }
    }
}

/// Whole seconds, as the time to live is given; rounded up, so that nothing is forgotten early.
fn seconds(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1000) + i64::from(at.as_millis().rem_euclid(1000) > 0)
}

/// Reads what a claim met.
fn met(item: &Item, request: &ClaimRequest<'_>) -> Result<Claimed, PortError> {
    let call = Call::new("claim", request.key);
    let fault = |text: &'static str| call.fault(PortErrorKind::Rejected).with_source(text);
    if text_of(item, "validation") != Some(request.fingerprint) {
        return Err(fault("the same key came with something else before"));
    }
    match text_of(item, "status") {
        Some(COMPLETED) => {
            Ok(Claimed::Completed { result: text_of(item, "data").unwrap_or_default().to_owned() })
        }
        Some(IN_PROGRESS) => number_of(item, "in_progress_expiration")
            .map(|it| Claimed::InProgress { until: Timestamp::from_millis(it) })
            .ok_or_else(|| fault("the row has no `in_progress_expiration`")),
        _ => Err(fault("the row has a `status` that is not known")),
    }
}

#[async_trait]
impl IdempotencyStore for DynamoIdempotency {
    async fn claim(&self, request: ClaimRequest<'_>) -> Result<Claimed, PortError> {
        let now = self.clock.now();
        let until = now.plus(request.lease);
        let write = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("id", text(request.key))
            .item("status", text(IN_PROGRESS))
            .item("owner", text(request.owner))
            .item("validation", text(request.fingerprint))
            .item("in_progress_expiration", number(until.as_millis()))
            .item("expiration", number(seconds(until)))
            .condition_expression(FREE)
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_values(":in_progress", text(IN_PROGRESS))
            .expression_attribute_values(":owner", text(request.owner))
            .expression_attribute_values(":validation", text(request.fingerprint))
            .expression_attribute_values(":now", number(now.as_millis().div_euclid(1000)))
            .expression_attribute_values(":now_ms", number(now.as_millis()))
            .return_values_on_condition_check_failure(AllOld);
        let error = match write.send().await {
            Ok(_) => return Ok(Claimed::Granted),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(found))
                if found.item().is_some() =>
            {
                found.item().map_or(Ok(Claimed::Granted), |item| met(item, &request))
            }
            _ => Err(Call::new("claim", request.key).failed(error)),
        }
    }

    async fn complete(
        &self,
        key: &str,
        owner: &str,
        result: &str,
        keep: Duration,
    ) -> Result<(), PortError> {
        let expiration = seconds(self.clock.now().plus(keep));
        let write = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", text(key))
            .update_expression("SET #status = :completed, #data = :data, expiration = :expiration")
            .condition_expression("#owner = :owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#data", "data")
            .expression_attribute_values(":completed", text(COMPLETED))
            .expression_attribute_values(":data", text(result))
            .expression_attribute_values(":expiration", number(expiration))
            .expression_attribute_values(":owner", text(owner));
        write.send().await.map_err(|error| Call::new("complete", key).failed(error))?;
        Ok(())
    }

    async fn release(&self, key: &str, owner: &str) -> Result<(), PortError> {
        let write = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("id", text(key))
            .condition_expression("#owner = :owner AND #status = :in_progress")
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":owner", text(owner))
            .expression_attribute_values(":in_progress", text(IN_PROGRESS))
            .return_values_on_condition_check_failure(AllOld);
        let Err(error) = write.send().await else { return Ok(()) };
        let met = match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(found)) => found.item(),
            _ => return Err(Call::new("release", key).failed(error)),
        };
        match met.and_then(|it| text_of(it, "owner")) {
            Some(other) if other != owner => Err(Call::new("release", key).failed(error)),
            _ => Ok(()),
        }
    }
}
