//! Queues on SQS.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use adapter_aws::testkit::TestAccount;
use adapter_aws::{DynamoIdempotency, SqsQueue};
use shared::ports::queue_contract::{Lacks, Platform, contract};
use shared::ports::{Queue, SystemClock};

const MAX_ATTEMPTS: NonZeroU32 = NonZeroU32::new(3).unwrap();

/// What no queue of SQS can do.
const OF_SQS: Lacks = Lacks {
    groups: false,
    overtaking: false,
    memory_of_keys: false,
    delays: false,
    uncounted_hand_outs: true,
    age: true,
};

fn platform(lacks: Lacks) -> Platform {
    Platform { max_attempts: MAX_ATTEMPTS, visibility: Duration::from_secs(1), lacks }
}

async fn queue(account: &TestAccount, is_fifo: bool) -> Arc<dyn Queue> {
    let address = account.queue(MAX_ATTEMPTS.get(), is_fifo).await;
    let table = account.table(&["id"]).await;
    let claims = DynamoIdempotency::new(&account.account, table, Arc::new(SystemClock));
    Arc::new(SqsQueue::new(&account.account, address, "events").with_dedupe(Arc::new(claims)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_queue_keeps_the_contract_but_for_groups() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks { groups: true, ..OF_SQS };
    contract(platform(lacks), || queue(&account, false)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifo_queue_keeps_the_contract_but_for_delays() {
    let Some(account) = TestAccount::open().await else { return };
    let lacks = Lacks { overtaking: true, delays: true, ..OF_SQS };
    contract(platform(lacks), || queue(&account, true)).await;
}
