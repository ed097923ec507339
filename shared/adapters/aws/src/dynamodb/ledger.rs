//! Small facts by name.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use shared::error::{PortError, PortErrorKind};
use shared::ports::{Ledger, LedgerEntry, Random, SystemRandom};

use super::attributes::{Item, number, number_of, text, text_of};
use crate::account::Account;
use crate::fault::Call;

/// A ledger in a table with the partition key `kind` and the sort key `name`, both text.
///
/// `kind` is what stands before the first `/` of a name, so that a list reads one partition.
pub struct DynamoLedger {
    client: Client,
    table: String,
    random: Arc<dyn Random>,
}

impl DynamoLedger {
    /// Keeps facts in `table` of `account`. Nothing is called yet.
    pub fn new(account: &Account, table: impl Into<String>) -> Self {
        let random = Arc::new(SystemRandom);
        Self { client: Client::new(account.config()), table: table.into(), random }
    }

    /// Tells whether the write that failed had been done, and only its answer was lost.
    async fn is_own(&self, error: &SdkError<PutItemError>, writer: &str) -> bool {
        let Some(PutItemError::ConditionalCheckFailedException(found)) = error.as_service_error()
        else {
            return false;
        };
        found.item().and_then(|it| text_of(it, "writer")) == Some(writer)
    }
}

/// Returns the partition that `name` lies in.
fn kind(name: &str) -> &str {
    name.split_once('/').map_or(name, |(kind, _)| kind)
}

fn entry(item: &Item) -> Option<(String, LedgerEntry)> {
    let (name, value) = (text_of(item, "name")?, text_of(item, "value")?);
    let entry = LedgerEntry { value: value.to_owned(), revision: number_of(item, "revision")? };
    Some((name.to_owned(), entry))
}

#[async_trait]
impl Ledger for DynamoLedger {
    async fn get(&self, name: &str) -> Result<Option<LedgerEntry>, PortError> {
        let call = Call::new("get", name);
        let read = self.client.get_item().table_name(&self.table).consistent_read(true);
        let read = read.key("kind", text(kind(name))).key("name", text(name));
        let Some(item) = read.send().await.map_err(|error| call.failed(error))?.item else {
            return Ok(None);
        };
        let unreadable = || {
            call.fault(PortErrorKind::Rejected).with_source("the row has no `value` or `revision`")
        };
        entry(&item).map(|(_, entry)| Some(entry)).ok_or_else(unreadable)
    }

    async fn put(&self, name: &str, value: &str, expected_revision: u64) -> Result<u64, PortError> {
        let revision = expected_revision + 1;
        let writer = format!("{:032x}", self.random.bits());
        let write = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("kind", text(kind(name)))
            .item("name", text(name))
            .item("value", text(value))
            .item("revision", number(revision))
            .item("writer", text(&writer))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .expression_attribute_names("#revision", "revision");
        let write = match expected_revision {
            0 => write.condition_expression("attribute_not_exists(#revision)"),
            expected => write
                .condition_expression("#revision = :expected")
                .expression_attribute_values(":expected", number(expected)),
        };
        match write.send().await {
            Ok(_) => Ok(revision),
            // The SDK repeats a call whose answer was lost: then our own write is what it meets.
            Err(error) if self.is_own(&error, &writer).await => Ok(revision),
            Err(error) => Err(Call::new("put", name).failed(error)),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<(String, LedgerEntry)>, PortError> {
        let call = Call::new("list", prefix);
        let mut found = Vec::new();
        let mut take = |items: Vec<Item>| found.extend(items.iter().filter_map(entry));
        if let Some((kind, _)) = prefix.split_once('/') {
            let mut pages = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#kind = :kind AND begins_with(#name, :prefix)")
                .expression_attribute_names("#kind", "kind")
                .expression_attribute_names("#name", "name")
                .expression_attribute_values(":kind", text(kind))
                .expression_attribute_values(":prefix", text(prefix))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = pages.next().await {
                take(vec![item.map_err(|error| call.failed(error))?]);
            }
        } else {
            // A filter of DynamoDB saves no reading, and not every peer takes a key in one.
            let scan = self.client.scan().table_name(&self.table).consistent_read(true);
            let mut pages = scan.into_paginator().items().send();
            while let Some(item) = pages.next().await {
                take(vec![item.map_err(|error| call.failed(error))?]);
            }
        }
        found.retain(|(name, _)| name.starts_with(prefix));
        found.sort_by(|(left, _), (right, _)| left.cmp(right));
        Ok(found)
    }
}
