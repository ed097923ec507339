//! What stands behind the addresses of AWS.

use std::sync::{Arc, LazyLock};

use adapter_aws::{
    Account, CallGuard, DynamoIdempotency, DynamoLedger, QueueAddress, SecretsManager, SnsTopic,
    SqsQueue,
};
use shared::ports::SystemClock;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::WiringError;

/// One account a process: its credentials are read once, at the first call.
static ACCOUNT: OnceCell<Account> = OnceCell::const_new();
/// What watches over its calls, there before the first one.
pub(crate) static GUARD: LazyLock<CallGuard> = LazyLock::new(CallGuard::default);
/// One cache of secrets a process.
static SECRETS: OnceCell<SecretsManager> = OnceCell::const_new();

async fn account() -> &'static Account {
    // Boxed: loading what the SDK needs takes a large future, which every function would carry.
    let open = async || Account::of_environment().await.guarded_by(&GUARD);
    ACCOUNT.get_or_init(|| Box::pin(open())).await
}

pub(crate) async fn secrets() -> &'static SecretsManager {
    let open = async || SecretsManager::new(account().await, Arc::new(SystemClock));
    SECRETS.get_or_init(open).await
}

/// Opens the queue at `sqs://HOST/ACCOUNT/NAME?queue=OURS`, which remembers dedupe keys in the table
/// that `&dedupe=TABLE` names, and puts bodies that are too long for a message into the store that
/// `&large=s3://BUCKET` names.
pub(crate) async fn queue(address: &Url, name: &str) -> Result<SqsQueue, WiringError> {
    let fault = "names no queue of SQS: write \
                 `sqs://sqs.REGION.amazonaws.com/ACCOUNT/NAME?queue=events`";
    let place = QueueAddress::of(address);
    let place = place.ok_or_else(|| WiringError::Malformed { address: address.clone(), fault })?;
    let account = account().await;
    let queue = SqsQueue::new(account, place, name);
    let queue = match parameter(address, "dedupe") {
        None => queue,
        Some(table) => {
            let claims = DynamoIdempotency::new(account, table, Arc::new(SystemClock));
            queue.with_dedupe(Arc::new(claims))
        }
    };
    Ok(match parameter(address, "large") {
        None => queue,
        Some(store) => queue.with_large_bodies(crate::blobs::blob_store(&store)?),
    })
}

fn parameter(address: &Url, name: &str) -> Option<String> {
    let mut pairs = address.query_pairs();
    let found = pairs.find(|(key, value)| key == name && !value.is_empty());
    found.map(|(_, value)| value.into_owned())
}

/// Opens the topic at `sns:ARN`.
pub(crate) async fn topic(address: &Url) -> Result<SnsTopic, WiringError> {
    let fault = "names no topic: write such as `sns:arn:aws:sns:eu-west-1:123456789012:changes`";
    let topic = SnsTopic::of(account().await, address);
    topic.ok_or_else(|| WiringError::Malformed { address: address.clone(), fault })
}

/// Opens the ledger in the table at `dynamodb:TABLE`.
pub(crate) async fn ledger(address: &Url) -> Result<DynamoLedger, WiringError> {
    let fault = "names no table: write such as `dynamodb:moodbridge-ledger`";
    match address.path() {
        "" | "/" => Err(WiringError::Malformed { address: address.clone(), fault }),
        table => Ok(DynamoLedger::new(account().await, table.trim_start_matches('/'))),
    }
}
